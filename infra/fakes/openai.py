"""OpenAI's chat completions, and xAI's: the same wire, other ways of saying no."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.fakes.modes import Ending, Mode, Seen, Unreadable
from infra.fakes.speech import (
    CACHED_TOKENS,
    PICTURE_TOKENS,
    REASONING_TOKENS,
    Body,
    check_schema,
    input_tokens,
    listed,
    mapping,
    output_tokens,
    picture_of_url,
    whole,
)
from schemas.attempts import Usage
from streams.providers import answers

CODES: Final[Mapping[Mode, str]] = {
    "429": "rate_limit_exceeded",
    "429-retry-after": "rate_limit_exceeded",
    "429-quota": "insufficient_quota",
    "401": "invalid_api_key",
    "400-key": "invalid_api_key",
    "404": "model_not_found",
}
FINISH: Final = {"blocked": "content_filter", "truncated": "length"}
FORMATS: Final = ("json_object", "json_schema")


@dataclass(frozen=True)
class ChatSpeech:
    """`xai`: flat errors, reasoning outside of the completion, `store: false` where pictures are.

    `strict`: the schema must come as a format; a local server may find it in the prompt.
    """

    vendor: str
    xai: bool = False
    strict: bool = True
    route: str = "/v1/chat/completions"

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The bearer's."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        return key if kind.lower() == "bearer" else None

    def seen(self, path: Mapping[str, str], body: Mapping[str, object]) -> Seen:
        """What it asks."""
        del path
        *_, last = listed(body["messages"])
        parts = list(listed(last["content"]))
        text = "".join(str(part["text"]) for part in parts if part["type"] == "text")
        urls = [mapping(part["image_url"])["url"] for part in parts if part["type"] == "image_url"]
        self._check_format(body.get("response_format"), text)
        if self.xai and body.get("store") is not False:
            raise Unreadable("store must be false where pictures are")
        cap = body.get("max_completion_tokens", body.get("max_tokens"))
        pictures = tuple(map(picture_of_url, urls))
        return Seen(str(body["model"]), text, pictures, whole(cap))

    def usage(self, seen: Seen, text: str) -> Usage:
        """Reasoning is a part of the output."""
        return Usage(
            input_tokens=input_tokens(seen),
            output_tokens=output_tokens(text) + REASONING_TOKENS,
            cached_tokens=CACHED_TOKENS,
            reasoning_tokens=REASONING_TOKENS,
            image_tokens=PICTURE_TOKENS * len(seen.pictures),
        )

    def answer(self, seen: Seen, ending: Ending, usage: Usage | None) -> Body:
        """One choice."""
        refused = ending.kind == "refusal"
        message = {
            "role": "assistant",
            "content": None if refused or ending.kind == "blocked" else ending.text,
            "refusal": ending.text if refused else None,
        }
        finish = FINISH.get(ending.kind, "stop")
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        body: Body = {
            "id": "chatcmpl-simulated",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": f"{seen.model}-simulated",
            "choices": [choice],
        }
        return body | {"usage": self._usage(usage)} if usage else body

    def error(self, mode: Mode, status: int, text: str) -> Body:
        """Nested (OpenAI), or flat (xAI)."""
        code = CODES.get(mode)
        if mode == "400-flat" or (self.xai and mode != "400-nested"):
            said = "Incorrect API key provided" if mode == "400-key" else text
            spent = "Your team has used all available credits or reached its spending limit."
            return {
                "code": "Client specified an invalid argument",
                "error": spent if mode == "429-quota" else said,
            }
        kind = "insufficient_quota" if mode == "429-quota" else f"simulated_{status}"
        return {"error": {"message": text, "type": kind, "param": None, "code": code}}

    def _usage(self, usage: Usage) -> Body:
        prompt, output = usage.input_tokens or 0, usage.output_tokens or 0
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output - (REASONING_TOKENS if self.xai else 0),
            "total_tokens": prompt + output,
            "prompt_tokens_details": {
                "cached_tokens": usage.cached_tokens,
                "image_tokens": usage.image_tokens,
            },
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        }

    def _check_format(self, format_: object, text: str) -> None:
        if self.strict:
            given = mapping(mapping(format_)["json_schema"])
            if given.get("strict") is not True:
                raise Unreadable("the schema is not strict")
            check_schema(given.get("schema"))
        elif not (format_ and mapping(format_).get("type") == "json_schema"):
            missing = [name for name in mapping(answers.SCHEMA["properties"]) if name not in text]
            if missing:
                text = f"the prompt does not name {missing}"
                raise Unreadable(text)
