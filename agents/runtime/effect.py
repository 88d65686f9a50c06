"""Effect steps: many records in flight, each under a time limit, finished in any order.

Finished outcomes are published in small transactions that also commit the finished prefix and a
bitmap of what is finished beyond it (`streams.window`). One stuck record never stops its
neighbours; a record whose time has not come waits outside the slots.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from agents.runtime.asking import Asking
from agents.runtime.failure import Failure
from agents.runtime.guard import Guard
from agents.runtime.letters import failed, write_letter
from agents.runtime.pure import count_published
from streams.dead_letters import Rejected
from streams.lanes import Batch, Encoded, Lane, Work
from streams.ports import Clock, MediaStore, Meter, StoreAway
from streams.records import NotYet, Partition, Record
from streams.steps import Effect
from streams.window import SPAN_MAX, Window

PAUSE_MIN_S: Final = 0.2
"""Between two times that an agent is asked about a record whose time has not come."""

WAITING_PER_SLOT: Final = 8
"""Records taken from the log and not yet committed, per slot; beyond it partitions are held.

So what a crash may have to ask again is bounded, also while the log takes no commits.
"""

TRANSACTION_RECORDS_MAX: Final = 1_000
"""Finished records per transaction, so that it fits into its time-out whatever has piled up."""


@dataclass
class Owned:
    """A partition under one lease, with its window and its records under way."""

    lease: int
    window: Window
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    held: bool = False


@dataclass(frozen=True)
class Finished:
    """A record whose outputs are ready to be committed."""

    owned: Owned
    record: Record
    outputs: tuple[Encoded, ...]


@dataclass
class EffectRuntime:
    """One effect step of one worker."""

    step: Effect[msgspec.Struct]
    lane: Lane
    media: MediaStore
    meter: Meter
    clock: Clock
    guard: Guard = field(default_factory=Guard)
    _owned: dict[Partition, Owned] = field(default_factory=dict, init=False)
    _last_of_key: dict[bytes, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _finished: list[Finished] = field(default_factory=list, init=False)
    _far: list[Finished] = field(default_factory=list, init=False)
    """Finished, and so far beyond the first unfinished that no progress can tell of it yet."""
    _something: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _idle: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _committer: asyncio.Task[None] | None = field(default=None, init=False)
    _unsettled: int = field(default=0, init=False)
    _parked: int = field(default=0, init=False)
    failure: Failure = field(default_factory=Failure, init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.step.in_flight)
        self._asking = Asking(self.step, self.clock, self.guard)

    async def handle(self, batch: Batch) -> None:
        """Returns when every record of the batch is on its way."""
        with self.failure.guarding():
            await self._handle(batch)

    async def _handle(self, batch: Batch) -> None:
        if self._committer is None:
            self._committer = self.failure.watch(asyncio.create_task(self._commit_for_ever()))
        topic_ids = await self.lane.topic_ids() if batch.starts else {}
        self._adopt(batch, topic_ids)
        self.guard.begins(self.step.name, batch.starts, topic_ids)
        for record in batch.records:
            owned = self._owned.get(record.partition)
            if owned and owned.window.begin(record.offset):
                self._start(owned, record)
        for partition, end in batch.ends.items():
            if partition in self._owned:
                self._owned[partition].window.reach(end)
                self._something.set()
        if batch.records:
            self.meter.received(self.step.name, len(batch.records))
        self._press()

    async def drain(self) -> None:
        """Returns when everything under way is in the log, or void.

        Cancel it to give up waiting. Raises what a task of this step raised.
        """
        tasks = [task for owned in self._owned.values() for task in owned.tasks]
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._committer and (self._finished or not self._idle.is_set()):
            self.failure.check()
            self._something.set()
            await self._idle.wait()
        self.failure.check()

    async def stop(self) -> None:
        """Ends what is still under way; it will be done again by whoever comes next."""
        tasks = [task for owned in self._owned.values() for task in owned.tasks]
        tasks += [self._committer] if self._committer else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._asking.calls.close()

    @property
    def under_way(self) -> Mapping[str, int]:
        """What the step has in hand: calls, records whose time has not come, calls given up."""
        calls = self._asking.calls
        return {
            "in_flight": calls.under_way,
            "parked": self._parked,
            "abandoned": calls.abandoned,
        }

    def _adopt(self, batch: Batch, topic_ids: Mapping[str, str]) -> None:
        for partition, owned in list(self._owned.items()):
            if batch.leases.get(partition) != owned.lease:
                del self._owned[partition]
                for task in owned.tasks:
                    task.cancel()
        for partition, start in batch.starts.items():
            window = Window(start, topic_ids[partition.topic])
            self._owned[partition] = Owned(batch.leases[partition], window)

    def _start(self, owned: Owned, record: Record) -> None:
        before = self._last_of_key.get(record.key) if self.step.ordered and record.key else None
        task = self.failure.watch(asyncio.create_task(self._work(owned, record, before)))
        owned.tasks.add(task)
        if self.step.ordered and record.key:
            self._last_of_key[record.key] = task
        task.add_done_callback(lambda done: self._ended(owned, record, done))

    def _ended(self, owned: Owned, record: Record, task: asyncio.Task[None]) -> None:
        owned.tasks.discard(task)
        if record.key and self._last_of_key.get(record.key) is task:
            del self._last_of_key[record.key]
        self._press()

    async def _work(self, owned: Owned, record: Record, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait((before,))
        since = self.clock.now()
        while True:
            async with self._slots:
                began = self.clock.monotonic()
                outputs = await self._outputs(record, since)
                self.meter.took(self.step.name, self.clock.monotonic() - began)
            if not isinstance(outputs, NotYet):
                break
            await self._park(outputs)
        self._finished.append(Finished(owned, record, outputs))
        self._idle.clear()
        self._something.set()

    async def _park(self, answer: NotYet) -> None:
        """Outside the slots, so that nobody waits for a record that waits."""
        self._parked += 1
        try:
            seconds = (answer.until - self.clock.now()).total_seconds()
            await self.clock.sleep(max(PAUSE_MIN_S, seconds))
        finally:
            self._parked -= 1

    async def _outputs(self, record: Record, since: datetime) -> tuple[Encoded, ...] | NotYet:
        try:
            return await self._asking.outputs(record, since)
        except Rejected as why:
            return await self._letter(record, why)
        except (StoreAway, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001  # one record's trouble is that record's
            return await self._letter(record, failed(error))

    async def _letter(self, record: Record, why: Rejected) -> tuple[Encoded, ...]:
        return (await write_letter(self.step.name, record, why, self.media),)

    def _press(self) -> None:
        """Holds the partitions that are too far ahead of their first unfinished record."""
        under_way = sum(len(owned.tasks) for owned in self._owned.values())
        waiting = under_way + len(self._finished) + len(self._far) + self._unsettled
        crowded = waiting >= self.step.in_flight * WAITING_PER_SLOT
        held = frozenset(
            partition
            for partition, owned in self._owned.items()
            if crowded or owned.window.span >= SPAN_MAX // 2
        )
        self.lane.hold(held)

    async def _commit_for_ever(self) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                finished = self._finished[:TRANSACTION_RECORDS_MAX]
                del self._finished[:TRANSACTION_RECORDS_MAX]
                self._unsettled = len(finished)
                await self._commit(finished)
                self._unsettled = 0
                (self._something if self._finished else self._idle).set()
                self._press()
        finally:
            self._idle.set()

    async def _commit(self, finished: Iterable[Finished]) -> None:
        by_partition = self._told([*self._far, *finished])
        for partition, owned in self._owned.items():
            if owned.window.behind():
                by_partition.setdefault(partition, [])
        if not by_partition:
            return
        offsets = {p: frozenset(f.record.offset for f in fs) for p, fs in by_partition.items()}
        owners = {p: self._owned[p] for p in by_partition}
        work = Work(
            leases={p: owned.lease for p, owned in owners.items()},
            progress={p: owned.window.progress(offsets[p]) for p, owned in owners.items()},
            outputs={p: [o for f in fs for o in f.outputs] for p, fs in by_partition.items()},
        )
        committed = await self.lane.commit(work)
        for partition in committed:
            owners[partition].window.settle(offsets[partition], work.progress[partition])
        reached = {partition: work.progress[partition].offset for partition in committed}
        self.guard.finished(self.step.name, reached)
        count_published(self.meter, self.step.name, work, committed)
        repeated = sum(not one.outputs for p in committed for one in by_partition[p])
        if repeated:
            self.meter.repeated(self.step.name, repeated)

    def _told(self, finished: Iterable[Finished]) -> dict[Partition, list[Finished]]:
        """What a transaction can tell of; what is too far ahead waits for the record it waits for.

        A stuck record and a run of aborted records behind it make such a distance.
        """
        by_partition: dict[Partition, list[Finished]] = defaultdict(list)
        for one in finished:
            if self._owned.get(one.record.partition) is one.owned:  # else its lease has ended
                by_partition[one.record.partition].append(one)
        self._far = []
        for partition, ones in list(by_partition.items()):
            window = self._owned[partition].window
            told = window.told(frozenset(one.record.offset for one in ones))
            self._far += [one for one in ones if one.record.offset not in told]
            by_partition[partition] = [one for one in ones if one.record.offset in told]
            if not by_partition[partition]:
                del by_partition[partition]
        return by_partition
