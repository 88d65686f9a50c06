"""What agents may call: protocols that connectors speak and in-memory twins imitate."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from schemas.cameras import Camera
from schemas.clips import ClipFailure, Motion


class Clock(Protocol):
    """Time, so that tests can own it."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class Cameras(Protocol):
    """The registry, folded."""

    def find(self, camera_id: UUID) -> Camera | None:
        """The camera as the registry knows it now."""
        ...


class ClipError(Exception):
    """The clip can't be had; `reason` is what the outcome will say."""

    def __init__(self, reason: ClipFailure, detail: str, *, attempts: int = 1) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.attempts = attempts


class Clips(Protocol):
    """Gets a clip or a still from where the event says it is."""

    def fetched(self, url: str) -> AbstractAsyncContextManager[Path]:
        """A local file that exists as long as the context does. Raises ClipError on entry."""
        ...


@dataclass(frozen=True)
class Picture:
    """A still picture in memory: JPEG bytes, `at_s` seconds into its clip."""

    jpeg: bytes
    at_s: float
    width: int
    height: int
    dhash: str | None = None


@dataclass(frozen=True)
class Decoded:
    """What a decoder saw; `duration_s` is 0 for a still picture."""

    sha256: str
    size_bytes: int
    duration_s: float
    width: int
    height: int
    truncated: bool
    pictures: tuple[Picture, ...]
    motion: Motion


class Decoder(Protocol):
    """Turns foreign media into frames and motion, in a process that may die of it."""

    async def decode(self, media: Path, *, frames_max: int) -> Decoded:
        """A clip or a still picture.

        Raises ClipError: not_video, corrupt, empty, decoder_failed.
        """
        ...


class StoreAway(Exception):  # noqa: N818  # a state of the world, which passes
    """What we need for keeping something is away or full; nothing is wrong with the record."""


class MediaStore(Protocol):
    """Bytes by their SHA-256, hexadecimal, lower case."""

    async def put(self, content: bytes) -> str:
        """Stores the content (again, if it is there) and returns its hash. Raises StoreAway."""
        ...

    async def get(self, sha256: str) -> bytes | None:
        """The content, or None when the store doesn't have it. Raises StoreAway."""
        ...


class Outcomes(Protocol):
    """Which outcomes the log is known to hold already."""

    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that are recorded; none when nobody can say (never a reason to wait)."""
        ...


class Meter(Protocol):
    """What a step counts; once per batch or per finished record, never per event of a batch."""

    def received(self, step: str, records: int) -> None:
        """Records taken from the log."""
        ...

    def published(self, step: str, topic: str, records: int) -> None:
        """Records whose transaction is in the log."""
        ...

    def dead(self, step: str, reason: str) -> None:
        """A dead letter is in the log."""
        ...

    def repeated(self, step: str, records: int) -> None:
        """Records that a step passed over: the outcome of their id is in the log already."""
        ...

    def took(self, step: str, seconds: float) -> None:
        """How long a batch, or one record of an effect step, was worked on."""
        ...

    def lag(self, step: str, topic: str, partition: int, records: int) -> None:
        """Records that are in the log and that the step has not read yet."""
        ...
