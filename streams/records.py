"""What the runtime moves: records as they came, what an agent receives, what it gives back.

Thousands of these are made per second, hence structs: made in a fifth of a dataclass's time, and
never looked at by the garbage collector, for they can't be part of a cycle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record as it came; `timestamp_ms` is the broker's or producer's, since 1970.

    `missing` says what of it did not fit, or could not be read, such as `its 90000 headers`.
    """

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    missing: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, if it is text."""
        for key, value in self.headers:
            if key == name and value is not None:
                return value.decode("utf-8", "replace")
        return None


class Received(msgspec.Struct, Generic[E], frozen=True, gc=False):
    """An event together with what the record said of it."""

    event: E
    correlation_id: str | None = None
    traceparent: str | None = None
    offset: int = 0


class Output(msgspec.Struct, frozen=True, gc=False):
    """One event for one topic; its key is the camera's id."""

    topic: Topic[msgspec.Struct]
    event: Derived
    traceparent: str | None = None


Outputs = tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """An effect agent's word for: ask me again at `until`; the record waits outside the slots."""

    until: datetime
