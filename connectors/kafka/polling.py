"""The poll thread of a step: one consumer, polled whole batches at a time, whatever happens.

It polls even while nobody takes what it has, with its partitions paused, or the group would throw
it out. It alone touches the consumer; others leave wishes here, which it obeys on its next round.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from connectors.kafka.backlog import Backlog, Portion
from connectors.kafka.clients import LIBRDKAFKA, Cluster, member
from connectors.kafka.messages import (
    NOT_IN_THE_LOG,
    PARTITION_EOF,
    gathered,
    late_record_of,
    record_of,
    short,
)
from connectors.kafka.ownership import Ownership, Pauses
from streams.lanes import Batch, Progress
from streams.records import Partition, Record
from streams.topics import FROM_OUTSIDE

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 0.25
"""How long a full backlog may block polling before partitions are paused, which refetches."""

COMMITTED_TIMEOUT_S: Final = 10.0


class LogLost(Exception):  # noqa: N818  # says what happened: the broker no longer has our records
    """The next offset to read is not in the log any more.

    Reading on would skip records silently.
    """


@dataclass(frozen=True)
class Subscription:
    """What a step reads and how: its group, its topics, records per batch, who knows the start."""

    group: str
    topics: tuple[str, ...]
    batch_max: int
    ledger: bool = False
    """True when a ledger outside Kafka says where to begin: new leases wait to be told."""

    @property
    def late(self) -> frozenset[str]:
        """Topics whose headers are read late: letters alone need them, and we wrote them."""
        return frozenset(self.topics) - FROM_OUTSIDE if self.ledger else frozenset()


class Polling:
    """The thread, and the wishes that it obeys."""

    def __init__(
        self, cluster: Cluster, subscription: Subscription, lag: Callable[[Partition, int], None]
    ) -> None:
        self._cluster = cluster
        self._subscription = subscription
        self._late = subscription.late
        self._lag = lag
        self.ownership = Ownership()
        self.backlog = Backlog()
        self.held: frozenset[Partition] = frozenset()
        self.told: deque[tuple[Partition, int, int]] = deque()
        self.reported: dict[Partition, int] = {}
        self._late_ends: dict[Partition, tuple[int, int]] = {}
        self._waiting: set[Partition] = set()
        self._pauses = Pauses(lambda partition: TopicPartition(*self._named(partition)))
        self._measured = 0.0
        self._portion = Portion()
        self._reading: dict[tuple[str, int], Partition] = {}
        self._reading_of: Mapping[Partition, int] = {}
        self._turned = 0.0
        self.thread = threading.Thread(
            target=self._run, name=f"poll-{subscription.group}", daemon=True
        )

    @property
    def silent_s(self) -> float:
        """For how long the thread has not turned; 0 before it starts and when it has ended."""
        return time.monotonic() - self._turned if self._turned and self.thread.is_alive() else 0.0

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            consumer = Consumer(member(self._cluster, self._subscription.group), logger=LIBRDKAFKA)
            consumer.subscribe(
                [self._cluster.named(topic) for topic in self._subscription.topics],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            try:
                while not self.backlog.stopping:
                    self._round(consumer)
            finally:
                consumer.close()
        except BaseException as error:  # noqa: BLE001  # handed over; it stops the worker
            failure = error
        self.backlog.fail(failure)

    def _round(self, consumer: Consumer) -> None:
        self._obey(consumer)
        records, ends = self._polled(consumer, self._subscription.batch_max)
        for partition, (lease, end) in self._late_ends.items():
            if self._leases.get(partition) == lease:
                ends.setdefault(partition, end)
        self._late_ends.clear()
        if records or ends or self.ownership.changed:
            self._hand_over(consumer, Batch(records, self._leases, self.ownership.told(), ends))
        self._measure(consumer)

    def _polled(
        self, consumer: Consumer, records_max: int
    ) -> tuple[list[Record], dict[Partition, int]]:
        """One poll, which may change who owns what.

        What it gives of a partition that changed hands meanwhile may be of the ownership before;
        such records are left, and read again from where the new lease begins.
        """
        before, self._turned = self._leases, time.monotonic()
        records: list[Record] = []
        ends: dict[Partition, int] = {}
        self._portion.begin(records_max)
        for messages in gathered(consumer, self._portion):
            self._portion.came(len(messages), self._sort(messages, records, ends))
        self.ownership.join(consumer.consumer_group_metadata())
        if self._pauses.silent:
            self._pauses.heard({record.partition for record in records} | ends.keys())
        if self._leases is before:
            return records, ends
        same = {p for p, lease in self._leases.items() if before.get(p) == lease}
        fresh = self._leases.keys() - same
        for partition in fresh & ({record.partition for record in records} | ends.keys()):
            begins = self.ownership.begins(partition) or OFFSET_BEGINNING
            consumer.seek(TopicPartition(*self._named(partition), begins))
        return (
            [record for record in records if record.partition in same],
            {partition: end for partition, end in ends.items() if partition in same},
        )

    def _sort(
        self, messages: list[Message], records: list[Record], ends: dict[Partition, int]
    ) -> int:
        """Adds to what was polled; how many bytes came."""
        weight, leases = 0, self._leases
        if self._reading_of is not leases:  # who waits changes with the leases only
            reading = [p for p in leases if p not in self._waiting]
            self._reading, self._reading_of = {self._named(p): p for p in reading}, leases
        for message in messages:
            error = message.error()
            place = message.topic() or "", message.partition() or 0
            if error is None:
                if partition := self._reading.get(place):
                    made = late_record_of if partition.topic in self._late else record_of
                    record, size = made(partition, message)
                    records.append(record)
                    weight += size
                continue
            partition = self._partition(*place)
            if error.code() == PARTITION_EOF:
                if partition in leases:
                    ends[partition] = message.offset() or 0
            elif error.code() == NOT_IN_THE_LOG:
                text = f"{partition.topic}[{partition.number}]: {error.str()}; see docs/runbook.md"
                raise LogLost(text)
            elif error.fatal():
                raise KafkaException(error)
            else:
                log.warning("kafka.consumer", group=self._subscription.group, error=error.str())
        return weight

    def _hand_over(self, consumer: Consumer, batch: Batch) -> None:
        self.backlog.put(batch, PATIENCE_S)
        while not self.backlog.has_room():
            self._pauses.exactly(consumer, self._leases)
            records, ends = self._polled(consumer, 1)
            for record in records:  # of a partition that is paused: it shall come again
                consumer.seek(TopicPartition(*self._named(record.partition), record.offset))
            for partition, end in ends.items():
                self._late_ends[partition] = self._leases[partition], end
            self._obey(consumer, everything_paused=True)

    def _obey(self, consumer: Consumer, *, everything_paused: bool = False) -> None:
        while self.told:
            partition, lease, offset = self.told.popleft()
            if self._leases.get(partition) == lease:
                consumer.seek(TopicPartition(*self._named(partition), offset))
                self._waiting.discard(partition)
                self.ownership.lease({partition: Progress(offset)})
        if not everything_paused:
            self._pauses.exactly(consumer, (self.held | self._waiting) & self._leases.keys())
        reported = [self.reported.popitem() for _ in range(len(self.reported))]
        mine = {p: offset for p, offset in reported if p in self._leases}
        if mine:
            offsets = [TopicPartition(*self._named(p), offset) for p, offset in mine.items()]
            consumer.commit(offsets=offsets, asynchronous=True)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = {self._partition(tp.topic, tp.partition): tp for tp in partitions}
        starts: dict[Partition, Progress | None] = dict.fromkeys(ours)
        if self._subscription.ledger:
            self._waiting |= set(ours)
        else:
            committed = self._committed(consumer, partitions)
            starts = {p: committed.get(p, Progress(0)) for p in ours}
            for partition, progress in committed.items():
                ours[partition].offset = progress.offset
        for tp in partitions:
            tp.offset = tp.offset if tp.offset >= 0 else OFFSET_BEGINNING
        consumer.incremental_assign(partitions)
        self._pauses.assigned(ours.keys() - self._waiting)
        self._pauses.also(consumer, self._waiting & ours.keys())
        if not self.backlog.stopping:
            self.ownership.lease(starts)
        log.info("kafka.assigned", group=self._subscription.group, partitions=short(ours))

    def _committed(
        self, consumer: Consumer, partitions: list[TopicPartition]
    ) -> dict[Partition, Progress]:
        """Where the group stands; a time-out means wait, never reset: open transactions end."""
        while not self.backlog.stopping:
            self._turned = time.monotonic()
            try:
                answers = consumer.committed(partitions, COMMITTED_TIMEOUT_S)
            except KafkaException as error:
                log.warning("kafka.committed", group=self._subscription.group, error=str(error))
                continue
            failed = [tp for tp in answers if tp.error is not None]
            if not failed:
                return {
                    self._partition(tp.topic, tp.partition): Progress(tp.offset, tp.metadata or "")
                    for tp in answers
                    if tp.offset >= 0
                }
        return {}

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {self._partition(tp.topic, tp.partition) for tp in partitions}
        self.ownership.end(gone)
        self._waiting -= gone
        self._pauses.end(consumer, gone)
        for partition in gone:
            self._lag(partition, 0)  # what is left there is somebody else's to tell
        consumer.incremental_unassign(partitions)
        log.info("kafka.revoked", group=self._subscription.group, partitions=short(gone))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("kafka.lost", group=self._subscription.group, partitions=len(partitions))
        self._on_revoke(consumer, partitions)

    def _measure(self, consumer: Consumer) -> None:
        """Lag as of the last fetch, once a second: no question to the broker."""
        if time.monotonic() < self._measured + 1:
            return
        self._measured = time.monotonic()
        for partition in self._leases:
            tp = TopicPartition(*self._named(partition))
            _, high = consumer.get_watermark_offsets(tp, cached=True)
            position = consumer.position([tp])[0].offset
            if position >= 0:
                self._lag(partition, max(0, high - position))

    @property
    def _leases(self) -> Mapping[Partition, int]:
        return self.ownership.snapshot.leases

    def _named(self, partition: Partition) -> tuple[str, int]:
        return self._cluster.named(partition.topic), partition.number

    def _partition(self, topic: str, number: int) -> Partition:
        return Partition(self._cluster.catalogued(topic), number)
