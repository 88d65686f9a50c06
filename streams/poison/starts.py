"""Unfinished starts: which records were under way when a worker died, and what follows from that.

A *start* is noted before an agent is called for a record and struck out when it has answered. What
a dead worker has not struck out was started and never finished: at first that means nothing, since
a crowd is under way at any moment and anybody may kill a process. A record that is there again and
again is a *suspect*: it runs alone in its process. Who dies while alone, once more, is convicted.

A death that the process brought upon itself, by a fault of its own or by standing still, weighs
twice as much as one that may have come from outside: kill -9, SIGABRT, the kernel short of memory.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from streams.dead_letters import Rejected
from streams.records import Partition

Cause = Literal[
    "killed",  # nobody knows by whom
    "crashed",  # by a signal of its own, such as a segmentation fault
    "blocked",  # its watchdog ended it
]

WEIGHTS: Final[Mapping[Cause, int]] = {"killed": 1, "crashed": 2, "blocked": 2}
SUSPECT_WEIGHT: Final = 4
CONVICTED_WEIGHT: Final = 6
CONVICTED_ALONE_WEIGHT: Final = 2
"""So three crashes convict, the last one alone; or six kills, the last two alone."""


class Place(NamedTuple):
    """One record, and the step that works on it."""

    step: str
    partition: Partition
    offset: int
    topic_id: str = ""
    """Of the topic as it was made: one of the same name that was made later holds other records."""


@dataclass(frozen=True)
class Start:
    """One unfinished start, in the journal of a worker that died.

    `alone`: no other call was under way in the process.
    """

    place: Place
    journal: UUID
    alone: bool = False
    cause: Cause = "killed"

    @property
    def weight(self) -> int:
        """How much it tells against the record."""
        return WEIGHTS[self.cause]


@dataclass(frozen=True)
class Suspicion:
    """All unfinished starts of one record."""

    starts: tuple[Start, ...]

    @property
    def runs_alone(self) -> bool:
        """Whether nobody else shall be in harm's way, nor be suspected, when it is tried again."""
        return sum(start.weight for start in self.starts) >= SUSPECT_WEIGHT

    @property
    def verdict(self) -> Rejected | None:
        """The dead letter that it becomes; never of a record that only was in a crowd."""
        alone = [start for start in self.starts if start.alone]
        if (
            sum(start.weight for start in self.starts) < CONVICTED_WEIGHT
            or sum(start.weight for start in alone) < CONVICTED_ALONE_WEIGHT
        ):
            return None
        counted = f"{len(self.starts)} starts without an end, {len(alone)} of them alone"
        if any(start.cause == "blocked" for start in alone):
            text = f"the worker stood still until its watchdog ended it: {counted}"
            return Rejected("blocked_worker", text)
        return Rejected("killed_worker", f"the worker died of it: {counted}")


def suspicions(starts: Iterable[Start]) -> Mapping[Place, Suspicion]:
    """The fold of starts; one that is told twice is one."""
    found: dict[Place, dict[UUID, Start]] = {}
    for start in starts:
        found.setdefault(start.place, {})[start.journal] = start
    return {place: Suspicion(tuple(each.values())) for place, each in found.items()}


class Cursor(Protocol):
    """Notes which record of a batch is being worked on; one at a time, and as fast as can be."""

    def batch(self, *, alone: bool) -> AbstractContextManager[None]:
        """While it lasts the record last marked is under way."""
        ...

    def mark(self, partition: Partition, offset: int) -> None:
        """This one now."""
        ...


class Journal(Protocol):
    """What is under way, where it outlives the process."""

    def under_way(self, place: Place, *, alone: bool) -> AbstractContextManager[None]:
        """While it lasts the record is under way."""
        ...

    def cursor(self, step: str, topic_ids: Mapping[str, str]) -> Cursor:
        """For a step that works on one record after the other; looks its topics' ids up there."""
        ...


class NoJournal:
    """Keeps nothing: for a process whose death nobody will look into."""

    def under_way(self, place: Place, *, alone: bool) -> AbstractContextManager[None]:
        """Notes nothing."""
        del place, alone
        return nullcontext()

    def cursor(self, step: str, topic_ids: Mapping[str, str]) -> "NoJournal":
        """Marks nothing."""
        del step, topic_ids
        return self

    def batch(self, *, alone: bool) -> AbstractContextManager[None]:
        """Notes nothing."""
        del alone
        return nullcontext()

    def mark(self, partition: Partition, offset: int) -> None:
        """Notes nothing."""


class StartsStore(Protocol):
    """Unfinished starts where every worker sees them. Each call raises StoreAway."""

    async def add(self, starts: Collection[Start]) -> None:
        """Keeps them; again is no harm."""
        ...

    async def all(self, steps: Collection[str]) -> Collection[Start]:
        """Those of these steps."""
        ...

    async def clear(self, step: str, finished: Mapping[Partition, int]) -> None:
        """Forgets those below the offsets: their records are finished."""
        ...
