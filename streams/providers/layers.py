"""Answers that were given before: when the same one holds, and when one comes near enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

from schemas.attempts import Answer
from schemas.clips import Frame
from schemas.outcomes import Earlier
from streams.providers.ports import Prompt

CONTENT_AGE_MAX: Final = timedelta(hours=24)
NEARBY: Final = timedelta(minutes=5)
NEARBY_MAX: Final = 3
"""Of a camera's earlier events, those so shortly before are told to a provider."""

DISTANCE_MAX: Final = 6.0
"""Bits of 64 in which alike frames may differ in the mean. Ten is the common bound for one picture
that was scaled or recoded; frames of one fixed camera have most bits in common anyway."""


@dataclass(frozen=True)
class EarlierAnswer:
    """An answer that the log holds, and who gave it."""

    earlier: Earlier
    answer: Answer
    model: str
    provider: str
    prompt_version: str


Cleared = Callable[[str], datetime]
"""Until when answers to prompts of a kind are forgotten; see `Orders.cleared`."""


class Answers(Protocol):
    """Answers that the log holds and no operator cleared.

    None of the methods raises: who can't be asked knows nothing.
    """

    async def same(self, key: str, kind: str, since: datetime) -> EarlierAnswer | None:
        """The newest answer with this content key, given since then and not cleared."""
        ...

    async def similar(
        self, camera_id: UUID, kind: str, hashes: Sequence[str], since: datetime
    ) -> EarlierAnswer | None:
        """The nearest answer of the camera and kind within `DISTANCE_MAX`; of equals the newest."""
        ...

    async def nearby(self, camera_id: UUID, before: datetime) -> Sequence[str]:
        """What was said of the camera's events shortly before that moment, oldest first."""
        ...


def told(ago: timedelta, description: str) -> str:
    """One earlier event as a prompt tells of it."""
    return f"{ago.total_seconds():.0f} s before: {description}"


def content_key(frames: Sequence[Frame], prompt: Prompt) -> str:
    """Equal for the same frames, in the same order, under the same prompt's text."""
    parts = (prompt.sha256, *(frame.sha256 for frame in frames))
    return sha256("\n".join(parts).encode()).hexdigest()


def hashes(frames: Sequence[Frame]) -> tuple[str, ...]:
    """The perceptual hashes of frames that have one."""
    return tuple(frame.dhash for frame in frames if frame.dhash is not None)


def distance(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Bits of 64: for each of our frames the nearest of theirs, and of that the mean."""
    nearest = (min((int(a, 16) ^ int(b, 16)).bit_count() for b in theirs) for a in ours)
    return sum(nearest) / len(ours)
