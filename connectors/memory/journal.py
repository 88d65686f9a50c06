"""A journal in memory, and a store of unfinished starts, for tests and simulation."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from streams.poison.starts import Place, Start
from streams.records import Partition


@dataclass
class MemoryJournal:
    """Twin of `MappedJournal`: `left` is what would be found if the process died now."""

    id: UUID = field(default_factory=uuid4)
    noted: dict[Place, bool] = field(default_factory=dict)

    @property
    def left(self) -> tuple[Start, ...]:
        """What is under way."""
        return tuple(Start(place, self.id, alone) for place, alone in self.noted.items())

    @contextmanager
    def under_way(self, place: Place, *, alone: bool) -> Iterator[None]:
        """While it lasts the record is under way."""
        self.noted[place] = alone
        try:
            yield
        finally:
            del self.noted[place]

    def cursor(self, step: str, topic_ids: Mapping[str, str]) -> "MemoryCursor":
        """For one step."""
        return MemoryCursor(self, step, topic_ids)


@dataclass
class MemoryCursor:
    """Twin of `MappedCursor`."""

    journal: MemoryJournal
    step: str
    topic_ids: Mapping[str, str]
    _alone: bool = False
    _marked: Place | None = None

    @contextmanager
    def batch(self, *, alone: bool) -> Iterator[None]:
        """While it lasts the record last marked is under way."""
        self._alone = alone
        try:
            yield
        finally:
            self._strike_out()

    def mark(self, partition: Partition, offset: int) -> None:
        """This one now."""
        self._strike_out()
        self._marked = Place(self.step, partition, offset, self.topic_ids.get(partition.topic, ""))
        self.journal.noted[self._marked] = self._alone

    def _strike_out(self) -> None:
        if self._marked is not None:
            self.journal.noted.pop(self._marked, None)
            self._marked = None


@dataclass
class MemoryStarts:
    """Twin of `PostgresStarts`."""

    kept: set[Start] = field(default_factory=set)

    async def add(self, starts: Collection[Start]) -> None:
        """Keeps them."""
        self.kept |= set(starts)

    async def all(self, steps: Collection[str]) -> Collection[Start]:
        """Those of these steps."""
        return [start for start in self.kept if start.place.step in steps]

    async def clear(self, step: str, finished: Mapping[Partition, int]) -> None:
        """Forgets what is finished."""
        self.kept = {
            start
            for start in self.kept
            if start.place.step != step
            or start.place.offset >= finished.get(start.place.partition, 0)
        }
