"""What the runtime moves: records as they came, what an agent receives, what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import msgspec

from schemas.event import Derived
from streams.topics import Topic

E = TypeVar("E")

Headers = Sequence[tuple[str, bytes]]


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came; `timestamp_ms` is the broker's or producer's, since 1970."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    def header(self, name: str) -> str | None:
        """The first header of that name, if it is text."""
        for key, value in self.headers:
            if key == name and value is not None:
                return value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """An event together with what the record said of it."""

    event: E
    correlation_id: str | None = None
    traceparent: str | None = None
    offset: int = 0
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One event for one topic; its key is the camera's id."""

    topic: "Topic[msgspec.Struct]"
    event: Derived
    traceparent: str | None = None


Outputs = tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """An effect agent's word for: ask me again at `until`; the record waits outside the slots."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Encoded:
    """One record ready to be produced."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a partition's next reading begins, and what of the later part is finished (metadata)."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one poll of one step.

    `leases` tell one ownership of a partition from a later one: work done under an older lease is
    dropped. `starts` holds the committed progress of partitions whose lease is new. `ends` holds the
    partitions that were read to their end, and that end.
    """

    records: Sequence[Record]
    leases: Mapping[Partition, int]
    starts: Mapping[Partition, Progress] = field(default_factory=dict)
    ends: Mapping[Partition, int] = field(default_factory=dict)
    token: object = None
    """The connector's own: with what membership the batch was polled."""
