"""Pure steps: a batch becomes outputs at once; outputs and offsets share one transaction.

The next batch is transformed while the last one commits, which is where the speed comes from.
Nothing is lost by that: a batch whose transaction fails is held and committed again, in order, and
one whose partitions were taken away is somebody else's now.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Final

import msgspec

from agents.runtime.failure import Failure
from agents.runtime.guard import Convicted, Guard
from agents.runtime.letters import failed, write_letter
from streams import wire
from streams.dead_letters import Rejected, reason_of
from streams.lanes import Batch, Encoded, Lane, Progress, Work
from streams.ports import Clock, MediaStore, Meter
from streams.records import Partition, Record
from streams.steps import Pure
from streams.topics import DEAD_LETTERS

TOPIC: Final = attrgetter("topic")


class Crowded(Exception):  # noqa: N818  # says what it was like
    """Memory ran out while others were there too, who may be at fault."""


@dataclass
class PureRuntime:
    """One pure step of one worker."""

    step: Pure[msgspec.Struct]
    lane: Lane
    media: MediaStore
    meter: Meter
    clock: Clock
    guard: Guard = field(default_factory=Guard)
    _committing: asyncio.Task[None] | None = field(default=None, init=False)
    _reached: dict[Partition, tuple[int, Progress]] = field(default_factory=dict, init=False)
    failure: Failure = field(default_factory=Failure, init=False)

    def __post_init__(self) -> None:
        self._cursor = self.guard.cursor(self.step.name)

    async def handle(self, batch: Batch) -> None:
        """Returns when the batch is transformed and the one before it is in the log."""
        with self.failure.guarding():
            await self._handle(batch)

    async def _handle(self, batch: Batch) -> None:
        began = self.clock.monotonic()
        if batch.starts:
            self.guard.begins(self.step.name, batch.starts, await self.lane.topic_ids())
        try:
            work = await self._transform(batch, alone=False)
        except Crowded:
            work = await self._transform(batch, alone=True)
        await self.drain()
        self._committing = self.failure.watch(asyncio.create_task(self._commit(work)))
        await asyncio.sleep(0)  # it begins now, not when the next batch is transformed already
        if batch.records:
            self.meter.received(self.step.name, len(batch.records))
            self.meter.took(self.step.name, self.clock.monotonic() - began)

    async def drain(self) -> None:
        """Returns when everything handed in is in the log, or void."""
        committing, self._committing = self._committing, None
        if committing:
            await committing

    async def stop(self) -> None:
        """Gives up what is not in the log yet; it will be done again by whoever comes next."""
        if self._committing:
            self._committing.cancel()
            await asyncio.gather(self._committing, return_exceptions=True)

    async def _transform(self, batch: Batch, *, alone: bool) -> Work:
        outputs: dict[Partition, list[Encoded]] = defaultdict(list)
        last: dict[Partition, int] = {}
        mark, name = self._cursor.mark, self.step.name
        async with self.guard.batch(self._cursor, name, batch.records, alone=alone) as convicted:
            for record in batch.records:
                try:
                    mark(record.partition, record.offset)
                    outputs[record.partition] += self._outputs(record, convicted)
                except Rejected as why:
                    outputs[record.partition].append(await self._letter(record, why))
                except MemoryError as error:
                    if not alone:
                        raise Crowded from error  # somebody else may have taken it all
                    outputs[record.partition].append(await self._letter(record, failed(error)))
                last[record.partition] = record.offset
        progress = {partition: Progress(offset + 1) for partition, offset in last.items()}
        for partition, end in batch.ends.items():
            reached = progress.get(partition) or self._so_far(partition, batch)
            if reached is None or end > reached.offset:  # markers would leave lag for ever
                progress[partition] = Progress(end)
        for partition, reached in progress.items():
            self._reached[partition] = batch.leases.get(partition, -1), reached
        return Work(batch.leases, progress, outputs)

    def _so_far(self, partition: Partition, batch: Batch) -> Progress | None:
        """The progress handed over under this lease, so that none is ever handed over twice.

        A lane that lost the answer to a commit knows by its progress whether it is in the log.
        """
        lease, reached = self._reached.get(partition, (-1, Progress(0)))
        return reached if lease == batch.leases.get(partition) else batch.starts.get(partition)

    def _outputs(self, record: Record, convicted: Convicted) -> list[Encoded]:
        """Of one record. Raises Rejected, or MemoryError."""
        if convicted and (why := convicted.get((record.partition, record.offset))):
            raise why
        try:
            received = wire.received(self.step.reads, record, self.step.siblings)
            if received is None:
                return []
            outputs = wire.vetted(self.step.writes, self.step.runs(received))
            return [wire.encoded(self.step.name, output) for output in outputs]
        except (Rejected, MemoryError):
            raise
        except BaseException as error:  # an agent's own costs one record; nothing is awaited here
            raise failed(error) from error

    async def _letter(self, record: Record, why: Rejected) -> Encoded:
        return await write_letter(self.step.name, record, why, self.media)

    async def _commit(self, work: Work) -> None:
        if not work.progress:
            return
        committed = await self.lane.commit(work)
        reached = {partition: work.progress[partition].offset for partition in committed}
        self.guard.finished(self.step.name, reached)
        count_published(self.meter, self.step.name, work, committed)


def count_published(meter: Meter, step: str, work: Work, committed: frozenset[Partition]) -> None:
    """Counts what a transaction really put into the log."""
    topics: Counter[str] = Counter()
    for partition in committed:
        topics.update(map(TOPIC, work.outputs.get(partition, ())))
    for topic, records in topics.items():
        meter.published(step, topic, records)
    if DEAD_LETTERS.name in topics:
        for output in chain.from_iterable(work.outputs.get(p, ()) for p in committed):
            if output.topic == DEAD_LETTERS.name:
                meter.dead(step, reason_of(output))
