"""Gemini's `generateContent`, from the server's side; keys come in two spellings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.fakes.modes import RETRY_AFTER_S, Ending, Mode, Seen, Unreadable
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
    picture,
    whole,
)
from schemas.attempts import Usage

STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
FINISH: Final = {"refusal": "SAFETY", "truncated": "MAX_TOKENS"}
TYPES: Final = "type.googleapis.com/google.rpc"


@dataclass(frozen=True)
class GenerateSpeech:
    """`legacy`: the old SDK knows no JSON Schema and no thoughts; the schema is in the prompt."""

    vendor: str = "gemini"
    legacy: bool = False
    route: str = "/{version}/models/{model:[^:]+}:generateContent"

    def key(self, headers: Mapping[str, str]) -> str | None:
        """From Google's own header."""
        return headers.get("x-goog-api-key")

    def seen(self, path: Mapping[str, str], body: Mapping[str, object]) -> Seen:
        """What it asks."""
        (content,) = listed(body["contents"])
        parts = list(listed(content["parts"]))
        text = "".join(str(part["text"]) for part in parts if "text" in part)
        blobs = [mapping(found) for part in parts if (found := _either(part, "inlineData"))]
        if any(_either(blob, "mimeType") != "image/jpeg" for blob in blobs):
            raise Unreadable("a picture is no JPEG")
        config = mapping(_either(body, "generationConfig"))
        if self.legacy:
            if "judgeable" not in text:
                raise Unreadable("the prompt does not say what an answer is")
        else:
            check_schema(_either(config, "responseJsonSchema"))
        pictures = tuple(picture(blob["data"]) for blob in blobs)
        return Seen(path["model"], text, pictures, whole(_either(config, "maxOutputTokens")))

    def usage(self, seen: Seen, text: str) -> Usage:
        """Thoughts are part of the output; the old SDK can't tell them or the pictures apart."""
        return Usage(
            input_tokens=input_tokens(seen),
            output_tokens=output_tokens(text) + REASONING_TOKENS,
            cached_tokens=CACHED_TOKENS,
            reasoning_tokens=None if self.legacy else REASONING_TOKENS,
            image_tokens=None if self.legacy else PICTURE_TOKENS * len(seen.pictures),
        )

    def answer(self, seen: Seen, ending: Ending, usage: Usage | None) -> Body:
        """One candidate, or none where the filter looked at the prompt."""
        candidate = {
            "content": {"role": "model", "parts": [{"text": ending.text}] if ending.text else []},
            "finishReason": FINISH.get(ending.kind, "STOP"),
            "index": 0,
        }
        blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
        body: Body = {
            **(blocked if ending.kind == "blocked" else {"candidates": [candidate]}),
            "modelVersion": f"{seen.model}-simulated",
            "responseId": "req-simulated",
        }
        return body | {"usageMetadata": _usage(usage, len(seen.pictures))} if usage else body

    def error(self, mode: Mode, status: int, text: str) -> Body:
        """Nested with details, unless it shall be flat."""
        if mode == "400-flat":
            return {"code": "invalid", "error": text}
        said = "API key not valid. Please pass a valid API key." if mode == "400-key" else text
        error = {
            "code": status,
            "message": said,
            "status": STATUSES.get(status, "UNKNOWN"),
            "details": _details(mode),
        }
        return {"error": error}


def _details(mode: Mode) -> list[Body]:
    wait: Body = {"@type": f"{TYPES}.RetryInfo", "retryDelay": f"{RETRY_AFTER_S}s"}
    quota: Body = {
        "@type": f"{TYPES}.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}],
    }
    known: Mapping[Mode, list[Body]] = {"429-retry-after": [wait], "429-quota": [quota]}
    return known.get(mode, [])


def _either(body: Mapping[str, object], name: str) -> object:
    """By `camelCase` or by `snake_case`."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return body.get(name, body.get(snake))


def _usage(usage: Usage, pictures: int) -> Body:
    prompt, output = usage.input_tokens or 0, usage.output_tokens or 0
    images = PICTURE_TOKENS * pictures
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cached_tokens,
        "candidatesTokenCount": output - REASONING_TOKENS,
        "thoughtsTokenCount": REASONING_TOKENS,
        "totalTokenCount": prompt + output,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": prompt - images},
            {"modality": "IMAGE", "tokenCount": images},
        ],
    }
