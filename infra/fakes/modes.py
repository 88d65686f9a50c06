"""The ways in which a simulated vendor can answer, and what became of each call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.attempts import Usage

Mode = Literal[
    "ok",
    "429",
    "429-retry-after",
    "429-quota",
    "401",
    "403",
    "400-nested",
    "400-flat",
    "400-key",
    "402",
    "404",
    "500",
    "502-html",
    "503",
    "529",
    "slow",  # answers after `SLOW_S`
    "drip",  # sends a byte now and then, and the answer after `SLOW_S`
    "dropped",  # ends the connection in place of an answer
    "cut",  # ends it in the middle of one
    "refused",  # does not listen
    "html",  # 200, and a page in place of an answer
    "refusal",  # the model does not want to
    "blocked",  # a filter took the answer away
    "apology",  # excuses, in the form of an answer
    "unjudgeable",  # the model says that it can't tell
    "truncated",
    "wrong-schema",
    "empty",
    "missing-usage",
    "fail-once",  # 500, then `ok`
]

Rejected = Literal["wrong-key", "unreadable"]
"""What the real vendor would not take, whatever the mode."""

SLOW_S: Final = 30.0
DRIP_EVERY_S: Final = 0.05
RETRY_AFTER_S: Final = 2

STATUS: Final[Mapping[Mode, int]] = {
    "429": 429,
    "429-retry-after": 429,
    "429-quota": 429,
    "401": 401,
    "403": 403,
    "400-nested": 400,
    "400-flat": 400,
    "400-key": 400,
    "402": 402,
    "404": 404,
    "500": 500,
    "503": 503,
    "529": 529,
    "fail-once": 500,
}
"""Modes that are errors in the vendor's own words; the others are told apart by their name."""


class Unreadable(ValueError):  # noqa: N818  # what it says is sent as a 400
    """A request that the real vendor would not take."""


@dataclass(frozen=True)
class Seen:
    """What a request asked: as the real vendor would read it."""

    model: str
    text: str
    pictures: tuple[bytes, ...]
    output_tokens_max: int


@dataclass(frozen=True)
class Call:
    """One request and what it was answered; `usage` when it is billed."""

    mode: Mode | Rejected
    model: str | None
    frames: tuple[str, ...]
    """SHA-256 of each picture, in the order in which they came."""
    usage: Usage | None
    why: str = ""


@dataclass(frozen=True)
class Counted:
    """The sum of all calls, as the vendor would bill it."""

    calls: int
    billed: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int


@dataclass(frozen=True)
class Ending:
    """How an answer ends: what is written, and why no more."""

    kind: Literal["whole", "refusal", "blocked", "truncated", "empty"]
    text: str
