"""What a server's way of saying no means: by status, and by its words where the status misleads."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal

from schemas.attempts import ErrorClass
from streams.providers.ports import ProviderError

Meaning = ErrorClass | Literal["by_status"]

STATUS: Final[Mapping[int, ErrorClass]] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model_unavailable",
    408: "timeout",
    410: "model_unavailable",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",  # Anthropic's own
}
"""Any other one from 500 on is `server`, from 300 on `bad_request`."""

SAID: Final[tuple[tuple[tuple[int, ...], str, ErrorClass], ...]] = (
    (
        (400, 403),  # xAI says 403, and names the key's id, when it does not like a picture
        r"content[_ ]policy|content_filter|usage guidelines|safety_check|prohibited content",
        "blocked",
    ),
    (
        (400, 403, 429),  # Gemini names the quota: `…RequestsPerDayPerProject…`
        r"insufficient_quota|billing_|spend(?:ing)?[_ ]limit|credit balance|credits\b|per ?day",
        "quota",
    ),
    (
        (400,),  # xAI and Gemini answer a wrong key like this
        r"api[ _-]?key.{0,40}(?:invalid|not valid|incorrect|expired|not found)",
        "auth",
    ),
    (
        (400,),
        r"(?:invalid|incorrect|wrong|missing|expired).{0,20}api[ _-]?key",
        "auth",
    ),
    (
        (400,),
        r"model_not_found|model\b.{0,80}(?:does not exist|not found|no longer|retired)",
        "model_unavailable",
    ),
)
"""The first one that fits, in any letter case."""

DETAIL_MAX: Final = 500
WORD_MAX: Final = 128
COUNT_MAX: Final = 2**31 - 1
_KEYS: Final = re.compile(
    r"Bearer\s+[^\s\"',}]+|\b(?:sk|xai|gsk|key)-[\w*.-]{6,}|\bAIza[\w*-]{6,}", re.IGNORECASE
)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Refused:
    """What came in place of an answer; `code` is the vendor's word, `text` its sentence."""

    text: str
    status: int | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None
    retry_after_s: float | None = None
    """From the body, where a vendor writes it there."""


def error(refused: Refused, meaning: Meaning, *, key: str) -> ProviderError:
    """The same failure in our own words, without the key that it may quote."""
    code = word(masked(refused.code, key)) if refused.code else None
    status = f"{refused.status} " if refused.status else ""
    text = f"{status}{f'{code}: ' if code else ''}{masked(refused.text, key)}"
    return ProviderError(
        by_status(refused) if meaning == "by_status" else meaning,
        word(" ".join(text.split()), DETAIL_MAX) or "it said nothing",
        code=code,
        retry_after_s=refused.retry_after_s or retry_after_s(refused.headers),
        request_id=word(masked(refused.request_id, key)) if refused.request_id else None,
    )


def by_status(refused: Refused) -> ErrorClass:
    """Of which class a failure with this status and these words is."""
    status, said = refused.status or 0, f"{refused.code or ''} {refused.text}"
    for statuses, pattern, meaning in SAID:
        if status in statuses and re.search(pattern, said, re.IGNORECASE):
            return meaning
    if status in STATUS:
        return STATUS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server"
    return "bad_request" if status >= HTTPStatus.MULTIPLE_CHOICES else "malformed"


def nearest(failure: Exception, table: Mapping[type[Exception], Meaning]) -> Meaning | None:
    """What the table says of this class, else of the nearest one that it is derived from."""
    kinds = [kind for kind in type(failure).__mro__ if kind in table]
    return table[kinds[0]] if kinds else None


def masked(text: str, key: str) -> str:
    """The text without our key, and without whatever else looks like one."""
    return _KEYS.sub("***", text.replace(key, "***") if key else text)


def word(text: str, longest: int = WORD_MAX) -> str:
    """Foreign text that any store takes: no NUL, no half of a character, not too long."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:longest]


def count(value: object) -> int | None:
    """A number of tokens, if it is one."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_MAX:
        return value
    return None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long we are asked to wait, in whatever form; `None` when nobody says so.

    Sources: RFC 9110, 10.2.3; `retry-after-ms` and `x-ratelimit-*` as OpenAI sends them.
    """
    if milliseconds := _number(headers.get("retry-after-ms", "")):
        return milliseconds / 1000
    if after := headers.get("retry-after", "").strip():
        seconds = _number(after)
        return _until(after, headers.get("date", "")) if seconds is None else seconds
    waits = [
        duration_s(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def duration_s(text: str) -> float | None:
    """`6m0s`, `120ms`, `34.07s` in seconds."""
    parts = _DURATION.findall(text)
    if not parts or "".join(amount + unit for amount, unit in parts) != text:
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in parts)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(date: str, now: str) -> float | None:
    """Seconds from one HTTP date, the server's own `date` if it sent one, to the other."""
    try:
        then = parsedate_to_datetime(date)
        since = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return max(0.0, (then - since).total_seconds())
    except (TypeError, ValueError):
        return None
