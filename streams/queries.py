"""What the edges ask: questions to the read model, and to publish one event.

A page is read newest first by keyset: rows sort by (timestamp, id) descending, and the next page
holds what sorts after its `after`, so that rows arriving meanwhile neither repeat nor hide others.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from schemas.attempts import ErrorClass, NotAskedReason, Usage
from schemas.clips import Frame
from streams.lanes import Encoded

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

OutcomeName = Literal["described", "degraded", "undescribed", "skipped", "recorded", "detected"]


class Unavailable(Exception):  # noqa: N818  # what it says is a state of the world, which may pass
    """Something we need can't be reached now; asking again later may work."""

    def __init__(self, what: Literal["kafka", "database"], detail: str) -> None:
        super().__init__(f"{what}: {detail}")
        self.what = what
        self.detail = detail


Probe = Callable[[], Awaitable[None]]
"""Returns when what is behind it can be reached; raises Unavailable (or never returns) if not."""


@dataclass(frozen=True)
class CameraRow:
    """One row of `devices`."""

    id: UUID
    kind: Literal["camera", "upload"]
    source: str
    source_id: str
    name: str | None
    site: str | None
    privacy: str | None
    registered: bool
    removed: bool
    registry_version: int | None
    settings: Mapping[str, Json]
    created_at: datetime


@dataclass(frozen=True)
class EventRow:
    """One row of `ai_events`; `id` is the outcome's, `event_id` the camera event's."""

    id: UUID
    camera_id: UUID
    model_id: str
    timestamp: datetime
    frame_id: int | None
    detections: Mapping[str, Json]
    confidence: float | None
    event_metadata: Mapping[str, Json]
    created_at: datetime
    event_id: UUID
    outcome: OutcomeName
    description: str | None
    provider_used: str | None
    reason: str | None
    fallback_reason: str | None
    fallback_detail: str | None
    degraded: bool
    revision: int
    labels: tuple[str, ...]
    correlation_id: str


@dataclass(frozen=True)
class AttemptRow:
    """One row of `provider_attempts`; `cost_usd` `None` is unknown, which is not 0."""

    id: UUID
    timestamp: datetime
    event_id: UUID
    camera_id: UUID
    position: int
    attempt: int
    provider: str
    status: Literal["begun", "answered", "failed", "skipped"]
    """`begun`: it never ended, as far as the log knows."""
    not_asked: NotAskedReason | None
    error_class: ErrorClass | None
    error_code: str | None
    detail: str
    model_asked: str | None
    model_answered: str | None
    prompt_version: str | None
    prompt_sha256: str | None
    frames: tuple[str, ...]
    latency_ms: float | None
    usage: Usage | None
    """`None` when all its columns are null."""
    cost_usd: Decimal | None
    price_version: str | None
    request_id: str | None
    attempted_at: datetime
    created_at: datetime
    correlation_id: str


@dataclass(frozen=True)
class ClipRow:
    """One row of `clips`: what was fetched for an event and which frames were kept of it."""

    sha256: str | None
    url: str | None
    size_bytes: int | None
    duration_s: float | None
    width: int | None
    height: int | None
    truncated: bool
    failure: str | None
    snapshot: bool
    frames: tuple[Frame, ...]
    motion: Json


@dataclass(frozen=True)
class EventDetail:
    """An event with everything that explains it; attempts in the order in which they were made."""

    event: EventRow
    attempts: tuple[AttemptRow, ...]
    clip: ClipRow | None


@dataclass(frozen=True)
class ProviderRow:
    """What became of a provider's calls; not of those that never ended, or were never made.

    `events` were described by its words, each counts once. `cost_usd` is the sum of known costs.
    """

    provider: str
    events: int = 0
    answered: int = 0
    failed: int = 0
    cost_usd: Decimal = Decimal(0)
    unknown_costs: int = 0

    @property
    def success_rate(self) -> float | None:
        """Of the calls that ended; `None` without any."""
        ended = self.answered + self.failed
        return self.answered / ended if ended else None


@dataclass(frozen=True)
class Statistics:
    """Of events since a moment, by provider's name; `events` counts those described, each once."""

    events: int
    oldest: datetime | None
    providers: Sequence[ProviderRow]


@dataclass(frozen=True)
class CacheRow:
    """Answers to prompts of a kind: `entries` may be used again, the others only count.

    A miss is an answer that a provider gave, a hit one that was used again.
    """

    kind: str
    entries: int
    misses: int
    hits: int

    @property
    def hit_rate(self) -> float:
        """Of all answers."""
        return self.hits / (self.hits + self.misses)


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Which events are wanted; `None` means any. Of the event's time: `since` <= it < `until`."""

    camera: UUID | None = None
    outcome: OutcomeName | None = None
    provider: str | None = None
    label: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Place(NamedTuple):
    """Where a row stands in the order of pages."""

    timestamp: datetime
    id: UUID


@dataclass(frozen=True, kw_only=True)
class Page:
    """At most `limit` rows, those after `after` (the last row of the page before)."""

    limit: int
    after: Place | None = None


class Reads(Protocol):
    """The read model. Every method raises Unavailable when the database can't be reached."""

    async def cameras(self) -> Sequence[CameraRow]:
        """All devices, sorted by id."""
        ...

    async def events(self, wanted: EventFilter, page: Page) -> Sequence[EventRow]:
        """One page, newest first: sorted by (timestamp, id) descending."""
        ...

    async def event(self, outcome_id: UUID) -> EventDetail | None:
        """One event, its attempts and its clip; the id holds the time (see `streams.identity`)."""
        ...

    async def statistics(self, since: datetime) -> Statistics:
        """Of events that happened then or later."""
        ...

    async def caches(self, cleared: Mapping[str, datetime]) -> Sequence[CacheRow]:
        """By kind; `cleared` as `Orders.clearings` says it."""
        ...

    async def reachable(self) -> None:
        """Returns when the database answers; a Probe."""
        ...


@dataclass(frozen=True)
class Acknowledged:
    """The broker has the record, at this place."""

    partition: int
    offset: int


class Publisher(Protocol):
    """Publishes single events for the edges, outside any step."""

    async def publish(self, record: Encoded) -> Acknowledged:
        """Returns once all in-sync replicas have acknowledged it. Raises Unavailable."""
        ...

    async def reachable(self) -> None:
        """Returns when the brokers answer; a Probe."""
        ...
