"""Anthropic's messages, from the server's side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.fakes.modes import Ending, Mode, Seen, Unreadable
from infra.fakes.speech import (
    CACHE_WRITE_TOKENS,
    CACHED_TOKENS,
    Body,
    check_schema,
    input_tokens,
    listed,
    mapping,
    output_tokens,
    picture,
    whole,
)
from schemas.attempts import Usage

KINDS: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
STOPS: Final = {"refusal": "refusal", "blocked": "refusal", "truncated": "max_tokens"}


@dataclass(frozen=True)
class MessagesSpeech:
    """A filter and a model that does not want to end alike here."""

    vendor: str = "anthropic"
    route: str = "/v1/messages"

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The bearer's, or the older header's."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        return key if kind.lower() == "bearer" else headers.get("x-api-key")

    def seen(self, path: Mapping[str, str], body: Mapping[str, object]) -> Seen:
        """What it asks."""
        del path
        (message,) = listed(body["messages"])
        parts = list(listed(message["content"]))
        text = "".join(str(part["text"]) for part in parts if part["type"] == "text")
        sources = [mapping(part["source"]) for part in parts if part["type"] == "image"]
        if any(source["media_type"] != "image/jpeg" for source in sources):
            raise Unreadable("a picture is no JPEG")
        check_schema(mapping(mapping(body["output_config"])["format"]).get("schema"))
        pictures = tuple(picture(source["data"]) for source in sources)
        return Seen(str(body["model"]), text, pictures, whole(body["max_tokens"]))

    def usage(self, seen: Seen, text: str) -> Usage:
        """What was cached stands apart on the wire."""
        return Usage(
            input_tokens=input_tokens(seen),
            output_tokens=output_tokens(text),
            cached_tokens=CACHED_TOKENS,
            cache_write_tokens=CACHE_WRITE_TOKENS,
        )

    def answer(self, seen: Seen, ending: Ending, usage: Usage | None) -> Body:
        """One block of text."""
        body: Body = {
            "id": "msg_simulated",
            "type": "message",
            "role": "assistant",
            "model": f"{seen.model}-simulated",
            "content": [{"type": "text", "text": ending.text}] if ending.text else [],
            "stop_reason": STOPS.get(ending.kind, "end_turn"),
            "stop_sequence": None,
        }
        return body | {"usage": _usage(usage)} if usage else body

    def error(self, mode: Mode, status: int, text: str) -> Body:
        """Nested, unless it shall be flat."""
        if mode == "400-flat":
            return {"code": "invalid", "error": text}
        text = "invalid x-api-key" if mode == "400-key" else text
        spent = {"details": {"error_code": "enforced_spend_limit_reached"}}
        said = {"type": KINDS.get(status, "api_error"), "message": text}
        more = spent if mode == "429-quota" else {}
        return {"type": "error", "error": said | more, "request_id": "req-simulated"}


def _usage(usage: Usage) -> Body:
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    return {
        "input_tokens": (usage.input_tokens or 0) - cached - written,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": usage.output_tokens,
    }
