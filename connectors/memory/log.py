"""A log in memory: topics, groups, transactions and their markers, without a broker.

Twin of `connectors.kafka` for tests and simulation. Every transaction leaves a marker in each
partition that it wrote, as Kafka's do: an offset that no reader is ever given.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final
from zlib import crc32

from streams.lanes import Batch, Encoded, Progress, Work
from streams.projection.ports import Log
from streams.records import Partition, Record

BEGINNING: Final = Progress(0)


@dataclass
class MemoryLog:
    """Topics by catalogue name; a None in a partition is a marker."""

    partitions: int = 4
    now_ms: int = 1_700_000_000_000
    records: dict[Partition, list[Record | None]] = field(default_factory=dict)
    progress: dict[tuple[str, Partition], Progress] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    leases: "count[int]" = field(default_factory=lambda: count(1))

    def of(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        found: list[Record] = []
        for number in range(self.partitions):
            found += [r for r in self._records(Partition(topic, number)) if r is not None]
        return found

    def append(self, output: Encoded) -> Record:
        """Adds one record, outside any transaction."""
        partition = Partition(output.topic, crc32(output.key or b"") % self.partitions)
        held = self._records(partition)
        record = Record(
            partition, len(held), output.key, output.value, tuple(output.headers), self.now_ms
        )
        held.append(record)
        self.changed.set()
        return record

    def transact(
        self, group: str, outputs: Iterable[Encoded], progress: Mapping[Partition, Progress]
    ) -> None:
        """Adds all records and moves the group, at once."""
        written = {self.append(output).partition for output in outputs}
        for partition in written:
            self._records(partition).append(None)
        for partition, reached in progress.items():
            self.progress[group, partition] = reached
        self.changed.set()

    def read(self, partition: Partition, offset: int, records_max: int) -> list[Record]:
        """Up to so many records from the offset on."""
        found = [r for r in self._records(partition)[offset:] if r is not None]
        return found[:records_max]

    def end(self, partition: Partition) -> int:
        """The offset after the last, markers included."""
        return len(self._records(partition))

    def _records(self, partition: Partition) -> list[Record | None]:
        return self.records.setdefault(partition, [])


class MemoryReader:
    """Reads all partitions of its topics; what `Lane` and `LedgerReader` share."""

    def __init__(
        self, log: MemoryLog, group: str, topics: Sequence[str], batch_max: int = 100
    ) -> None:
        self.log = log
        self.group = group
        self._batch_max = batch_max
        self._topics = tuple(topics)
        self._positions: dict[Partition, int] = {}
        self._ended: dict[Partition, int] = {}
        self._starts: dict[Partition, Progress] = {}
        self.held: frozenset[Partition] = frozenset()
        self._changed = True
        self.leases: dict[Partition, int] = {}
        self.assign(Partition(t, n) for t in self._topics for n in range(log.partitions))

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Gives these partitions to this reader, under new leases, from the group's progress."""
        for partition in partitions:
            start = self.log.progress.get((self.group, partition), BEGINNING)
            self._lease(partition, start)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Takes these partitions away."""
        for partition in partitions:
            self.leases.pop(partition, None)
            self._positions.pop(partition, None)
            self._starts.pop(partition, None)
        self._changed = True
        self.log.changed.set()

    async def take(self) -> Batch:
        """The next batch; waits for one."""
        while True:
            self.log.changed.clear()
            batch = self._poll()
            if batch.records or batch.ends or self._changed:
                self._changed = False
                return batch
            await self.log.changed.wait()

    def hold(self, partitions: frozenset[Partition]) -> None:
        """Exactly these give nothing."""
        if self.held - partitions:
            self.log.changed.set()
        self.held = partitions

    async def topic_ids(self) -> Mapping[str, str]:
        """One id per topic, its name."""
        return {topic: f"id-of-{topic}" for topic in self._topics}

    async def close(self) -> None:
        """Leaves; whatever is uncommitted is somebody else's."""
        self.revoke(list(self.leases))

    def _lease(self, partition: Partition, start: Progress) -> None:
        self.leases[partition] = next(self.log.leases)
        self._positions[partition] = start.offset
        self._starts[partition] = start
        self._ended.pop(partition, None)
        self._changed = True
        self.log.changed.set()

    def _poll(self) -> Batch:
        records: list[Record] = []
        ends: dict[Partition, int] = {}
        for partition in sorted(self._positions.keys() - self.held):
            got = self.log.read(partition, self._positions[partition], self._batch_max)
            records += got
            end = self.log.end(partition)
            if len(got) < self._batch_max:
                self._positions[partition] = end
                if self._ended.get(partition) != end:
                    self._ended[partition] = ends[partition] = end
            else:
                self._positions[partition] = got[-1].offset + 1
        starts, self._starts = self._starts, {}
        return Batch(records, dict(self.leases), starts, ends)


class MemoryLane(MemoryReader):
    """Twin of `KafkaLane`."""

    async def commit(self, work: Work) -> frozenset[Partition]:
        """One transaction over what is still ours."""
        ours = frozenset(p for p in work.progress if self.leases.get(p) == work.leases.get(p, -1))
        outputs = [output for p in sorted(ours) for output in work.outputs.get(p, ())]
        self.log.transact(self.group, outputs, {p: work.progress[p] for p in ours})
        return ours


class MemoryLedgerReader(MemoryReader):
    """Twin of `GroupReader` for steps with a ledger: silent until told where to start."""

    def assign(self, partitions: Iterable[Partition]) -> None:
        """New leases without a start."""
        for partition in partitions:
            self.leases[partition] = next(self.log.leases)
        self._changed = True
        self.log.changed.set()

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        """What a broker would say."""
        ids = await self.topic_ids()
        return {p: Log(ids[p.topic], 0, self.log.end(p)) for p in partitions}

    def start(self, partition: Partition, lease: int, offset: int) -> None:
        """Begins under a new lease."""
        if self.leases.get(partition) == lease:
            self._lease(partition, Progress(offset))

    def report(self, progress: Mapping[Partition, int]) -> None:
        """The group's progress."""
        for partition, offset in progress.items():
            self.log.progress[self.group, partition] = Progress(offset)


@dataclass
class MemoryLetters:
    """Twin of `KafkaPublisher` for steps that write outside transactions."""

    log: MemoryLog

    async def append(self, records: Sequence[Encoded]) -> None:
        """At once."""
        for record in records:
            self.log.append(record)
