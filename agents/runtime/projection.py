"""Projection steps: the log becomes rows, and the ledger that says how far moves with them.

The next batches are folded while the last are written: each slice has one write under way and at
most one that waits for its end, and none waits for another slice. Whatever goes wrong with a write,
the database's ledger is asked again and reading goes on from what it says, so neither a lost answer
nor a second owner can lose or double a row. A row that the database refuses is found by halving its
batch.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from agents.runtime.failure import Failure
from agents.runtime.guard import Convicted, Guard
from agents.runtime.letters import failed, write_letter
from agents.runtime.writes import Writes
from streams.dead_letters import Rejected
from streams.lanes import Batch, Encoded, LedgerReader, Letters
from streams.ports import Clock, MediaStore, Meter
from streams.projection.folding import Folded, fold
from streams.projection.ports import (
    LedgerBeyondLog,
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
OFFSET_MAX: Final = 1 << 63
"""Beyond every offset."""

LOOKS_AT_THE_LOG: Final = 3
"""Before we believe that the ledger is beyond it."""

FOLDED_AT_ONCE: Final = 500
"""Records; then whoever waits for the loop is let in, such as a slice done writing."""


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
    guard: Guard = field(default_factory=Guard)
    _owned: dict[Partition, Owned] = field(default_factory=dict, init=False)
    failure: Failure = field(default_factory=Failure, init=False)
    _writes: Writes = field(init=False)

    def __post_init__(self) -> None:
        self._writes = Writes(self.failure.watch)
        self._cursor = self.guard.cursor(self.step.name)

    async def handle(self, batch: Batch) -> None:
        """Returns when the batch is folded, and each write is under way or waits for one at most.

        Raises ReadModelUnusable when only a person can help.
        """
        with self.failure.guarding():
            await self._handle(batch)

    async def _handle(self, batch: Batch) -> None:
        began = self.clock.monotonic()
        if batch.starts:
            self.guard.begins(self.step.name, batch.starts, await self.reader.topic_ids())
        folded = await self._fold(batch.records)
        if {partition: owned.lease for partition, owned in self._owned.items()} != batch.leases:
            await self.drain()  # what was polled under a lease is written before the next begins
            self._adopt(batch)
            await self._claim([p for p, owned in self._owned.items() if owned.next is None])
        if folded:
            await self._begin(folded)
            self.meter.received(self.step.name, len(folded))
            self.meter.took(self.step.name, self.clock.monotonic() - began)
        self._note(batch)
        self._report()

    async def _fold(self, records: Sequence[Record]) -> list[Folded]:
        folded: list[Folded] = []
        for first in range(0, len(records), FOLDED_AT_ONCE):
            part = records[first : first + FOLDED_AT_ONCE]
            try:
                folded += await self._part(part, alone=False)
            except MemoryError:  # somebody else may have taken it all
                folded += await self._part(part, alone=True)
            await asyncio.sleep(0)
        return folded

    async def _part(self, records: Sequence[Record], *, alone: bool) -> list[Folded]:
        step = self.step.name
        async with self.guard.batch(self._cursor, step, records, alone=alone) as convicted:
            return [self._folded(record, convicted, alone=alone) for record in records]

    def _folded(self, record: Record, convicted: Convicted, *, alone: bool) -> Folded:
        self._cursor.mark(record.partition, record.offset)
        if convicted and (why := convicted.get((record.partition, record.offset))):
            return Folded(record, (), why)
        try:
            return fold(self.step.reads, record, self.step.siblings)
        except MemoryError as error:
            if not alone:
                raise
            return Folded(record, (), failed(error))

    async def drain(self) -> None:
        """Returns when everything handed in is written."""
        await self._writes.drain()

    async def stop(self) -> None:
        """Gives up what is not written yet; the ledger knows."""
        await self._writes.stop()

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
        positions = await self._positions(partitions)
        for partition, offset in positions.items():
            owned = self._owned[partition]
            owned.next, owned.claimed = None, True
            self.reader.start(partition, owned.lease, offset)

    async def _positions(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """What the ledger says of partitions that are ours from now on.

        A ledger that seems to be beyond the log is looked at again: while we asked for the log's
        end, or were frozen, another owner may have read on. What stays so raises LedgerBeyondLog.
        """
        pause_s, beyond = RETRY_FIRST_S, 0
        while True:
            try:
                return await self.step.into.claim(await self.reader.logs(partitions))
            except LedgerBeyondLog:
                beyond += 1
                if beyond == LOOKS_AT_THE_LOG:
                    raise
            except ReadModelAway as error:
                log.warning("read_model.away", error=str(error))
                await self.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)

    async def _begin(self, folded: Sequence[Folded]) -> None:
        """A write for each slice, after those that it has already."""
        for number, part in self._by_slice(folded).items():
            await self._writes.add(number, partial(self._write, part))

    def _by_slice(self, folded: Sequence[Folded]) -> dict[int, list[Folded]]:
        slices: dict[int, list[Folded]] = defaultdict(list)
        number_of = {p: slice_of(p, self.step.into.slices) for p in self._owned}
        for one in folded:
            number = number_of.get(one.record.partition)
            if number is not None:
                slices[number].append(one)
        return slices

    async def _write(self, folded: Sequence[Folded]) -> None:
        """One slice; when it fails for its ledger or its connection, it is claimed again.

        Then what the slice has waiting comes again too, and is left out here.
        """
        begins = {p: owned.next for p, owned in self._owned.items() if owned.next is not None}
        left = [
            one
            for one in folded
            if (record := one.record).offset >= begins.get(record.partition, OFFSET_MAX)
        ]
        if left:
            await self._write_slice(left)
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
            await self._put([Folded(folded[0].record, (), why)], ())

    async def _letter(self, record: Record, why: Rejected) -> Encoded:
        return await write_letter(self.step.name, record, why, self.media)

    async def _put(self, moved: Sequence[Folded], good: Iterable[Folded]) -> None:
        rows = Rows()
        for one in good:
            rows.add(one.rows)
        ends = {(record := one.record).partition: record.offset + 1 for one in moved}
        moves = {p: Move(self._since(p), end) for p, end in ends.items()}
        await self.step.into.write(ProjectionBatch(rows, moves))
        for partition, end in ends.items():
            self._owned[partition].next = end
        self.guard.finished(self.step.name, ends)
        for one in moved:
            if one.why is not None:
                self.meter.dead(self.step.name, one.why.reason)

    def _since(self, partition: Partition) -> int:
        owned = self._owned.get(partition)
        if owned is None or owned.next is None:
            text = f"{partition.topic}[{partition.number}] is not ours any more"
            raise LedgerLost(text)
        return owned.next

    def _note(self, batch: Batch) -> None:
        taken = {record.partition: record.offset + 1 for record in batch.records}
        for partition, offset in taken.items():
            if owned := self._owned.get(partition):
                owned.taken = offset
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
