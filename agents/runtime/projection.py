"""Projection steps: the log becomes rows, and the ledger that says how far moves with them.

The next batch is folded while the last is written. Whatever goes wrong with a write, the database's
ledger is asked again and reading goes on from what it says, so neither a lost answer nor a second
owner can lose or double a row. A row that the database refuses is found by halving its batch.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from agents.runtime.failure import Failure
from agents.runtime.letters import write_letter
from streams.dead_letters import Rejected
from streams.lanes import Batch, Encoded, LedgerReader, Letters
from streams.ports import Clock, MediaStore, Meter
from streams.projection.folding import Folded, fold
from streams.projection.ports import (
    LedgerLost,
    Move,
    ProjectionBatch,
    ReadModelAway,
    RowRefused,
    slice_of,
)
from streams.projection.rows import Rows
from streams.queries import Unavailable
from streams.records import Partition, Record
from streams.steps import Projection

log = structlog.get_logger(__name__)

RETRY_FIRST_S: Final = 0.2
RETRY_MAX_S: Final = 5.0


@dataclass
class Owned:
    """A partition under one lease; `next` is the ledger's word, None while it is being asked.

    A seek ends the lease: records polled before it must never be written as if they came after it.
    """

    lease: int
    next: int | None = None
    claimed: bool = False
    taken: int = 0
    """One past the last record handed in."""
    end: int = 0
    """The partition's end when it was last reached; below it, what never came are markers."""


@dataclass
class ProjectionRuntime:
    """The projection step of one worker."""

    step: Projection
    reader: LedgerReader
    letters: Letters
    media: MediaStore
    meter: Meter
    clock: Clock
    _owned: dict[Partition, Owned] = field(default_factory=dict, init=False)
    _writing: asyncio.Task[None] | None = field(default=None, init=False)
    failure: Failure = field(default_factory=Failure, init=False)

    async def handle(self, batch: Batch) -> None:
        """Returns when the batch is folded and the one before it is written.

        Raises ReadModelUnusable when only a person can help.
        """
        with self.failure.guarding():
            await self._handle(batch)

    async def _handle(self, batch: Batch) -> None:
        began = self.clock.monotonic()
        folded = [fold(self.step.reads, record, self.step.siblings) for record in batch.records]
        await self.drain()
        self._adopt(batch)
        await self._claim([p for p, owned in self._owned.items() if owned.next is None])
        if folded:
            self._writing = self.failure.watch(asyncio.create_task(self._write(folded)))
            self.meter.received(self.step.name, len(folded))
            self.meter.took(self.step.name, self.clock.monotonic() - began)
        self._note(batch)
        self._report()

    async def drain(self) -> None:
        """Returns when everything handed in is written."""
        writing, self._writing = self._writing, None
        if writing:
            await writing

    async def stop(self) -> None:
        """Gives up what is not written yet; the ledger knows."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    def _adopt(self, batch: Batch) -> None:
        for partition, lease in batch.leases.items():
            if partition not in self._owned or self._owned[partition].lease != lease:
                start = batch.starts.get(partition)
                self._owned[partition] = Owned(lease, start.offset if start else None)
        for partition in self._owned.keys() - batch.leases.keys():
            del self._owned[partition]

    async def _claim(self, partitions: Collection[Partition]) -> None:
        """Takes the partitions in the ledger and seeks there; waits while the database is away."""
        partitions = [p for p in partitions if not self._owned[p].claimed]
        if not partitions:
            return
        pause_s = RETRY_FIRST_S
        while True:
            try:
                positions = await self.step.into.claim(await self.reader.logs(partitions))
            except ReadModelAway as error:
                log.warning("read_model.away", error=str(error))
                await self.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
            else:
                break
        for partition, offset in positions.items():
            owned = self._owned[partition]
            owned.next, owned.claimed = None, True
            self.reader.start(partition, owned.lease, offset)

    async def _write(self, folded: Sequence[Folded]) -> None:
        """All slices at once.

        A slice that fails for its ledger or its connection is claimed again.
        """
        slices: dict[int, list[Folded]] = defaultdict(list)
        for one in folded:
            owned = self._owned.get(one.record.partition)
            if owned and owned.next is not None and one.record.offset >= owned.next:
                number = slice_of(one.record.partition, self.step.into.slices)
                slices[number].append(one)
        await asyncio.gather(*[self._write_slice(part) for part in slices.values()])
        self._report()

    async def _write_slice(self, folded: Sequence[Folded]) -> None:
        try:
            bad = [(one.record, one.why) for one in folded if one.why is not None]
            await self.letters.append([await self._letter(record, why) for record, why in bad])
            await self._halve(folded)
        except (LedgerLost, ReadModelAway, Unavailable) as error:
            log.warning("projection.again", step=self.step.name, error=str(error))
            await self.clock.sleep(RETRY_FIRST_S)
            await self._claim({one.record.partition for one in folded} & self._owned.keys())

    async def _halve(self, folded: Sequence[Folded]) -> None:
        """Writes the records; when the database refuses a row, finds it and writes its letter."""
        try:
            await self._put(folded, [one for one in folded if one.why is None])
        except RowRefused as error:
            if len(folded) > 1:
                middle = len(folded) // 2
                await self._halve(folded[:middle])
                await self._halve(folded[middle:])
                return
            why = Rejected("row_refused", str(error)[:1000])
            await self.letters.append([await self._letter(folded[0].record, why)])
            await self._put(folded, ())

    async def _letter(self, record: Record, why: Rejected) -> Encoded:
        self.meter.dead(self.step.name, why.reason)
        return await write_letter(self.step.name, record, why, self.media)

    async def _put(self, moved: Sequence[Folded], good: Iterable[Folded]) -> None:
        rows = Rows()
        for one in good:
            rows.add(one.rows)
        ends: dict[Partition, int] = {}
        for one in moved:
            ends[one.record.partition] = one.record.offset + 1
        moves = {p: Move(self._since(p), end) for p, end in ends.items()}
        await self.step.into.write(ProjectionBatch(rows, moves))
        for partition, end in ends.items():
            self._owned[partition].next = end

    def _since(self, partition: Partition) -> int:
        owned = self._owned.get(partition)
        if owned is None or owned.next is None:
            text = f"{partition.topic}[{partition.number}] is not ours any more"
            raise LedgerLost(text)
        return owned.next

    def _note(self, batch: Batch) -> None:
        for record in batch.records:
            if owned := self._owned.get(record.partition):
                owned.taken = record.offset + 1
        for partition, end in batch.ends.items():
            if owned := self._owned.get(partition):
                owned.end = end

    def _report(self) -> None:
        """Where the ledger stands; at a partition's end, the end itself, so that lag reads 0."""
        self.reader.report(
            {
                partition: max(owned.next, owned.end) if owned.next >= owned.taken else owned.next
                for partition, owned in self._owned.items()
                if owned.next is not None
            }
        )
