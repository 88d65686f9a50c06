"""A log in memory: topics, groups, transactions and their markers, without a broker.

Twin of Kafka's brokers for tests and simulation. Every transaction leaves a marker in each
partition that it wrote: an offset that no reader is ever given. Records of an aborted transaction
are such gaps too; those of an open one hold up readers until it ends, or its time is up, or a
producer of the same transactional id starts.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from connectors.memory.group import Group, Member
from streams.lanes import Encoded, Progress
from streams.records import Partition, Record

BEGINNING: Final = Progress(0)
TRANSACTION_TIMEOUT_S: Final = 10.0
LONG_AGO_MS: Final = 1_700_000_000_000


class Fenced(Exception):  # noqa: N818  # a state of the producer
    """A later producer has the transactional id, or the transaction's time was up."""


class Refused(Exception):  # noqa: N818  # a verdict
    """The group takes no offsets from this member (any more); the transaction must be aborted."""


@dataclass
class Transaction:
    """What an open transaction has written so far, and when it is aborted at the latest."""

    written: dict[Partition, list[int]] = field(default_factory=lambda: defaultdict(list))
    progress: dict[tuple[str, Partition], Progress] = field(default_factory=dict)
    limit: asyncio.TimerHandle | None = None


@dataclass(frozen=True)
class Producer:
    """A producer under one epoch of its transactional id."""

    transactional_id: str
    epoch: int


@dataclass
class MemoryLog:
    """Topics by catalogue name; a None in a partition is a marker or an aborted record."""

    partitions: int = 4
    now_ms: Callable[[], int] = lambda: LONG_AGO_MS
    records: dict[Partition, list[Record | None]] = field(default_factory=dict)
    progress: dict[tuple[str, Partition], Progress] = field(default_factory=dict)
    open: dict[str, Transaction] = field(default_factory=dict)
    leases: int = 0
    _epochs: dict[str, int] = field(default_factory=dict)
    _groups: dict[str, Group] = field(default_factory=dict)
    _watchers: dict[str, list[Callable[[], None]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def of(self, topic: str) -> list[Record]:
        """All committed records of a topic, partition by partition."""
        found: list[Record] = []
        for number in range(self.partitions):
            partition = Partition(topic, number)
            found += self.read(partition, 0, self.end(partition))
        return found

    def append(self, output: Encoded) -> Record:
        """Adds one record, outside any transaction."""
        record = self._write(output)
        self._tell({output.topic})
        return record

    def read(self, partition: Partition, offset: int, records_max: int) -> list[Record]:
        """Up to so many committed records from the offset on."""
        stable = self._records(partition)[offset : self.stable_end(partition)]
        return [record for record in stable if record is not None][:records_max]

    def end(self, partition: Partition) -> int:
        """The offset after the last, markers included."""
        return len(self._records(partition))

    def stable_end(self, partition: Partition) -> int:
        """How far readers of committed records come: to the first open transaction, or the end."""
        begun = [
            held.written[partition][0] for held in self.open.values() if partition in held.written
        ]
        return min(begun, default=self.end(partition))

    def watch(self, topics: Iterable[str], changed: Callable[[], None]) -> None:
        """Calls this whenever one of the topics has more to read."""
        for topic in topics:
            self._watchers[topic].append(changed)

    def group(self, name: str, topics: Iterable[str]) -> Group:
        """The group of that name, which reads these topics."""
        if name not in self._groups:
            shared = [Partition(topic, n) for topic in topics for n in range(self.partitions)]
            self._groups[name] = Group(shared)
        return self._groups[name]

    def committed(
        self, group: str, partitions: Collection[Partition]
    ) -> Mapping[Partition, Progress] | None:
        """The group's progress; None while an open transaction may change it."""
        pending = {key for held in self.open.values() for key in held.progress}
        if any((group, partition) in pending for partition in partitions):
            return None
        return {p: self.progress.get((group, p), BEGINNING) for p in partitions}

    def initialise(self, transactional_id: str) -> Producer:
        """Ends what an earlier producer of the id left open, and fences it."""
        self._abort(transactional_id)
        return Producer(transactional_id, self._epochs[transactional_id])

    def produce(self, producer: Producer, outputs: Iterable[Encoded]) -> None:
        """Adds records to the producer's transaction. Raises Fenced."""
        transaction = self._transaction(producer)
        for output in outputs:
            record = self._write(output)
            transaction.written[record.partition].append(record.offset)

    def offer(
        self,
        producer: Producer,
        group: str,
        member: tuple[Member, int],
        progress: Mapping[Partition, Progress],
    ) -> None:
        """Adds offsets to the producer's transaction, from a member of that epoch.

        Raises Fenced, Refused.
        """
        transaction = self._transaction(producer)
        known = self._groups[group]
        if not all(known.accepts(*member, partition) for partition in progress):
            raise Refused(group)
        transaction.progress.update({(group, p): reached for p, reached in progress.items()})

    def finish(self, producer: Producer, *, commit: bool) -> None:
        """Ends the producer's transaction, if it has one. Raises Fenced."""
        self._check(producer)
        transaction = self.open.pop(producer.transactional_id, None)
        if transaction:
            self._end(transaction, commit=commit)

    def _abort(self, transactional_id: str) -> None:
        self._epochs[transactional_id] = self._epochs.get(transactional_id, 0) + 1
        transaction = self.open.pop(transactional_id, None)
        if transaction:
            self._end(transaction, commit=False)

    def _end(self, transaction: Transaction, *, commit: bool) -> None:
        if transaction.limit:
            transaction.limit.cancel()
        for partition, offsets in transaction.written.items():
            held = self._records(partition)
            for offset in offsets if not commit else ():
                held[offset] = None
            held.append(None)
        if commit:
            self.progress.update(transaction.progress)
        self._tell({partition.topic for partition in transaction.written})

    def _transaction(self, producer: Producer) -> Transaction:
        self._check(producer)
        name = producer.transactional_id
        if name not in self.open:
            loop = asyncio.get_running_loop()
            limit = loop.call_later(TRANSACTION_TIMEOUT_S, self._abort, name)
            self.open[name] = Transaction(limit=limit)
        return self.open[name]

    def _check(self, producer: Producer) -> None:
        if self._epochs.get(producer.transactional_id) != producer.epoch:
            raise Fenced(producer.transactional_id)

    def _write(self, output: Encoded) -> Record:
        partition = Partition(output.topic, crc32(output.key or b"") % self.partitions)
        held = self._records(partition)
        headers = tuple(output.headers)
        record = Record(partition, len(held), output.key, output.value, headers, self.now_ms())
        held.append(record)
        return record

    def _records(self, partition: Partition) -> list[Record | None]:
        return self.records.setdefault(partition, [])

    def _tell(self, topics: Iterable[str]) -> None:
        for topic in sorted(topics):
            for changed in self._watchers[topic]:
                changed()
