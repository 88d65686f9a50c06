"""Stands at the door of every agent of a process: notes who enters, and lets suspects in alone.

So when the process dies, its journal says who was there; and who dies alone can't have been
somebody else's victim.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agents.runtime.calls import Calls
from agents.runtime.crowd import Crowd
from streams.dead_letters import Rejected
from streams.lanes import Progress
from streams.poison.starts import Cursor, Journal, NoJournal, Place, Suspicion
from streams.records import Partition, Record

Convicted = Mapping[tuple[Partition, int], Rejected]
"""Verdicts about records, by partition and offset."""

Known = Callable[[], Mapping[Place, Suspicion]]

Finished = Callable[[str, Mapping[Partition, int]], None]


@dataclass
class Guard:
    """One per process; without a journal it suspects nobody."""

    journal: Journal = field(default_factory=NoJournal)
    known: Known = dict
    finished: Finished = lambda _step, _progress: None
    """Hears how far a step's progress is kept, in the log or in the ledger."""

    _topic_ids: dict[str, str] = field(default_factory=dict, init=False)
    _crowd: Crowd = field(default_factory=Crowd, init=False)
    _calls: list[Calls] = field(default_factory=list, init=False)

    def calls(self) -> Calls:
        """For a step of this process."""
        calls = Calls()
        self._calls.append(calls)
        return calls

    def cursor(self, step: str) -> Cursor:
        """For a step that works on one record after the other."""
        return self.journal.cursor(step, self._topic_ids)

    @property
    def abandoned(self) -> int:
        """Calls that were given up and go on."""
        return sum(calls.abandoned for calls in self._calls)

    @property
    def _has_strays(self) -> bool:
        """Calls that nobody waits for may still kill us: who runs beside them is not alone."""
        return any(calls.strays for calls in self._calls)

    def begins(
        self, step: str, starts: Mapping[Partition, Progress], topic_ids: Mapping[str, str]
    ) -> None:
        """Partitions of these topics are ours from here on.

        What is below is finished, maybe by one who died before it could say so.
        """
        self._topic_ids |= topic_ids
        if starts:
            self.finished(step, {partition: start.offset for partition, start in starts.items()})

    @asynccontextmanager
    async def one(self, step: str, record: Record, *, alone: bool = False) -> AsyncIterator[None]:
        """Around one call about one record. Raises Rejected when the record is convicted."""
        place = self._place(step, record)
        suspicion = self.known().get(place)
        if suspicion and suspicion.verdict:
            raise suspicion.verdict
        alone = alone or (suspicion is not None and suspicion.runs_alone)
        async with self._crowd.alone() if alone else self._crowd.together():
            with self.journal.under_way(place, alone=alone and not self._has_strays):
                yield

    @asynccontextmanager
    async def batch(
        self, cursor: Cursor, step: str, records: Sequence[Record], *, alone: bool = False
    ) -> AsyncIterator[Convicted]:
        """Around work on records that the cursor marks, one after the other."""
        convicted: dict[tuple[Partition, int], Rejected] = {}
        if known := self.known():  # which is once in a blue moon
            places = {self._place(step, record) for record in records}
            suspected = {place: known[place] for place in known.keys() & places}
            convicted = {
                (p.partition, p.offset): s.verdict for p, s in suspected.items() if s.verdict
            }
            alone = alone or any(suspicion.runs_alone for suspicion in suspected.values())
        async with self._crowd.alone() if alone else self._crowd.together():
            with cursor.batch(alone=alone and not self._has_strays):
                yield convicted

    def _place(self, step: str, record: Record) -> Place:
        topic_id = self._topic_ids.get(record.partition.topic, "")
        return Place(step, record.partition, record.offset, topic_id)
