"""What the read model is made of: one tuple per row, in the order of its table's columns.

Tuples, not dicts: ten thousand of them a second are made, and a sink turns them into columns by
`zip`. JSON is bytes, written once here and never looked into again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

DAY_S: Final = 86_400


class DeviceRow(NamedTuple):
    """A camera as the registry tells of it, or (without a version) as some event mentions it.

    `created_at` is the record time of what the row was made from, so that a rebuild makes the same.
    """

    id: UUID
    kind: str
    source: str
    source_id: str
    name: str | None
    site: str | None
    privacy: str | None
    registered: bool
    removed: bool
    registry_version: int | None
    settings: bytes
    created_at: datetime

    def replaces(self, other: "DeviceRow") -> bool:
        """Whether this is what shall be known of the device when `other` is known.

        The registry beats any mention, its newest record any older one; of mentions the first
        counts. Topics may be read in any order, so the rule must not depend on it.
        """
        if self.registry_version is not None:
            return other.registry_version is None or self.registry_version > other.registry_version
        if other.registry_version is not None or self.created_at > other.created_at:
            return False  # the usual case, told by one comparison
        return self.mentioned < other.mentioned

    @property
    def mentioned(self) -> tuple[datetime, str, str]:
        """What orders mentions."""
        return self.created_at, self.source, self.source_id


class EventRow(NamedTuple):
    """One outcome or one recorded inference: table `ai_events`."""

    id: UUID
    camera_id: UUID
    model_id: str
    timestamp: datetime
    frame_id: int | None
    detections: bytes
    confidence: float | None
    event_metadata: bytes
    created_at: datetime
    event_id: UUID
    outcome: str
    description: str | None
    provider_used: str | None
    reason: str | None
    fallback_reason: str | None
    fallback_detail: str | None
    degraded: bool
    revision: int
    labels: tuple[str, ...]
    correlation_id: str


class AttemptRow(NamedTuple):
    """One call of a provider, or one decision not to call: table `provider_attempts`.

    A call is there twice under one id: as begun, and as what came of it, if it ever ended.
    """

    id: UUID
    timestamp: datetime
    event_id: UUID
    camera_id: UUID
    position: int
    attempt: int
    provider: str
    status: str
    not_asked: str | None
    error_class: str | None
    error_code: str | None
    detail: str
    model_asked: str | None
    model_answered: str | None
    prompt_version: str | None
    prompt_sha256: str | None
    frames: tuple[str, ...]
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    image_tokens: int | None
    cost_usd: Decimal | None
    price_version: str | None
    request_id: str | None
    attempted_at: datetime
    created_at: datetime
    correlation_id: str


class ClipRow(NamedTuple):
    """What there was to look at for an outcome: table `clips`."""

    event_id: UUID
    timestamp: datetime
    camera_id: UUID
    sha256: str | None
    url: str | None
    size_bytes: int | None
    duration_s: float | None
    width: int | None
    height: int | None
    truncated: bool
    failure: str | None
    frames: bytes
    motion: bytes | None
    snapshot: bool
    created_at: datetime


class AnswerRow(NamedTuple):
    """An answer that may be used again, or the use of one: table `answers`.

    `cache_type` is null for an answer that a provider gave; else `source_id` is the outcome whose
    answer was used.
    """

    outcome_id: UUID
    timestamp: datetime
    camera_id: UUID
    kind: str
    content_key: str | None
    dhashes: tuple[str, ...]
    provider: str
    model: str
    prompt_version: str
    answer: bytes
    cache_type: str | None
    source_id: UUID | None
    created_at: datetime


Row = DeviceRow | EventRow | AttemptRow | ClipRow | AnswerRow


@dataclass
class Rows:
    """The rows of one batch, by table; a device appears once, as the batch leaves it."""

    events: list[EventRow] = field(default_factory=list)
    attempts: list[AttemptRow] = field(default_factory=list)
    clips: list[ClipRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    _devices: dict[int, DeviceRow] = field(default_factory=dict)

    @property
    def devices(self) -> Collection[DeviceRow]:
        """One for each device."""
        return self._devices.values()

    def add(self, rows: Iterable[Row]) -> None:
        """Takes the rows of one event."""
        for row in rows:
            if isinstance(row, DeviceRow):
                number = row.id.int  # to hash a UUID takes five times as long, and these are many
                known = self._devices.get(number)
                if known is None or row.replaces(known):
                    self._devices[number] = row
            elif isinstance(row, EventRow):
                self.events.append(row)
            elif isinstance(row, AttemptRow):
                self.attempts.append(row)
            elif isinstance(row, ClipRow):
                self.clips.append(row)
            else:
                self.answers.append(row)


def days_of(rows: Iterable[Row]) -> set[date]:
    """The days, in UTC, of rows that live in day partitions."""
    since_1970 = {
        row.timestamp.timestamp() // DAY_S
        for row in rows
        if not isinstance(row, DeviceRow | AnswerRow)
    }
    return {date(1970, 1, 1) + timedelta(days=days) for days in since_1970}
