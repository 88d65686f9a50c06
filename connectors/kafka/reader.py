"""A step's consumer: polls whole batches in a thread of its own and hands them to the event loop.

Everything that a transaction must know about ownership is one `Snapshot`, replaced as a whole by
the poll thread: which partitions are leased and under what membership. A transaction holds
`transacting` while it runs; a revocation takes the same lock, so it waits for the open transaction
and no later one can contain the partition. Membership is never fetched anew at commit time: fresh
metadata was seen to be accepted for a partition that belonged to somebody else by then.
"""

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from streams.lanes import Batch, Progress
from streams.projection.ports import Log
from streams.records import Headers, Partition, Record

log = structlog.get_logger(__name__)

POLL_S: Final = 0.05
BACKLOG_MAX: Final = 2
"""Batches polled and not yet taken; then we wait a little, then pause all partitions."""

PATIENCE_S: Final = 0.25
"""How long a full backlog may block polling before partitions are paused, which refetches."""

PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  # public, its name notwithstanding
NOT_IN_THE_LOG: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001  # likewise
COMMITTED_TIMEOUT_S: Final = 10.0


class LogLost(Exception):  # noqa: N818  # says what happened: the broker no longer has our records
    """The next offset to read is not in the log any more.

    Reading on would skip records silently.
    """


@dataclass(frozen=True)
class Snapshot:
    """Who we are in the group and what we own, as of one moment of the poll thread."""

    leases: Mapping[Partition, int] = field(default_factory=dict)
    membership: object = None


@dataclass(frozen=True)
class Subscription:
    """What a step reads and how: its group, its topics, records per batch, who knows the start."""

    group: str
    topics: tuple[str, ...]
    batch_max: int
    ledger: bool = False
    """True when a ledger outside Kafka says where to begin: new leases wait for `start`."""
    queued_kbytes: int = 32_768


class GroupReader:
    """Implements `streams.lanes.Reader` and `LedgerReader` with confluent-kafka."""

    def __init__(
        self, cluster: Cluster, subscription: Subscription, lag: Callable[[Partition, int], None]
    ) -> None:
        self._cluster = cluster
        self._subscription = subscription
        self._lag = lag
        self.transacting = threading.Lock()
        self.snapshot = Snapshot()
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._backlog: deque[Batch] = deque()
        self._room = threading.Condition()
        self._starts: dict[Partition, Progress] = {}
        self._lease_count = 0
        self._changed = False
        self._held: frozenset[Partition] = frozenset()
        self._told: deque[tuple[Partition, int, int]] = deque()
        self._reported: dict[Partition, int] = {}
        self._waiting: set[Partition] = set()
        self._paused: set[Partition] = set()
        self._measured = 0.0
        self._stopping = False
        self._failure: BaseException | None = None
        self._topic_ids: dict[str, str] = {}
        self._thread = threading.Thread(
            target=self._run, name=f"poll-{subscription.group}", daemon=True
        )

    async def start_polling(self) -> None:
        """Joins the group. Raises KafkaException when the topics can't be described."""
        await self.topic_ids()
        self._thread.start()

    async def topic_ids(self) -> Mapping[str, str]:
        """Ids of the subscribed topics; asked once, for a topic made anew fails all the same."""
        if not self._topic_ids:
            self._topic_ids = await asyncio.to_thread(self._describe)
        return self._topic_ids

    def _describe(self) -> dict[str, str]:
        admin = self._cluster.admin()
        names = [self._cluster.named(topic) for topic in self._subscription.topics]
        futures = admin.describe_topics(TopicCollection(names), request_timeout=30)
        return {
            self._cluster.catalogued(name): str(future.result().topic_id)
            for name, future in futures.items()
        }

    async def take(self) -> Batch:
        """The next batch. Raises what ended the poll thread."""
        while True:
            if self._backlog:
                with self._room:
                    batch = self._backlog.popleft()
                    self._room.notify()
                return batch
            if self._failure:
                raise self._failure
            self._ready.clear()
            if not self._backlog and not self._failure:
                await self._ready.wait()

    def hold(self, partitions: frozenset[Partition]) -> None:
        """The poll thread pauses exactly these, on its next round."""
        self._held = partitions

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        """First offset and end of each, and the topic's id; waits until the broker tells."""
        while True:
            try:
                return await asyncio.to_thread(self._bounds, tuple(partitions))
            except KafkaException as error:
                log.warning("kafka.list_offsets", error=error.args[0].str())
                await asyncio.sleep(1)

    def _bounds(self, partitions: tuple[Partition, ...]) -> dict[Partition, Log]:
        admin = self._cluster.admin()
        tps = {p: TopicPartition(*self._named(p)) for p in partitions}
        earliest: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # theirs
        latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise
        first = admin.list_offsets(dict.fromkeys(tps.values(), earliest))
        end = admin.list_offsets(dict.fromkeys(tps.values(), latest))
        return {
            p: Log(self._topic_ids[p.topic], first[tp].result().offset, end[tp].result().offset)
            for p, tp in tps.items()
        }

    def start(self, partition: Partition, lease: int, offset: int) -> None:
        """The poll thread seeks there, if the lease still stands."""
        self._told.append((partition, lease, offset))

    def report(self, progress: Mapping[Partition, int]) -> None:
        """Committed without waiting, on the poll thread's next round."""
        self._reported = {**self._reported, **progress}

    async def close(self) -> None:
        """Leaves the group; returns when the thread has ended."""
        self._stopping = True
        with self._room:
            self._room.notify()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    # Everything below runs in the poll thread.

    def _run(self) -> None:
        try:
            consumer = Consumer(self._settings(), logger=LIBRDKAFKA)
            consumer.subscribe(
                [self._cluster.named(topic) for topic in self._subscription.topics],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            try:
                while not self._stopping:
                    self._round(consumer)
            finally:
                consumer.close()
        except BaseException as error:  # noqa: BLE001  # handed to the event loop, which stops the worker
            self._failure = error
        self._loop.call_soon_threadsafe(self._ready.set)

    def _settings(self) -> dict[str, object]:
        classic = {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 1_000,
        }
        return {
            **self._cluster.confluent(),
            "group.id": self._cluster.named(self._subscription.group),
            "group.protocol": self._cluster.group_protocol,
            **(classic if self._cluster.group_protocol == "classic" else {}),
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": self._subscription.queued_kbytes,
            "fetch.error.backoff.ms": 100,
            "topic.metadata.refresh.interval.ms": 30_000,
        }

    def _round(self, consumer: Consumer) -> None:
        self._obey(consumer)
        messages = consumer.consume(self._subscription.batch_max, POLL_S)
        self.snapshot = replace(self.snapshot, membership=consumer.consumer_group_metadata())
        records, ends = self._sorted(messages)
        if records or ends or self._changed:
            self._changed = False
            starts, self._starts = self._starts, {}
            self._hand_over(consumer, Batch(records, self.snapshot.leases, starts, ends))
        self._measure(consumer)

    def _sorted(self, messages: list[Message]) -> tuple[list[Record], dict[Partition, int]]:
        records: list[Record] = []
        ends: dict[Partition, int] = {}
        for message in messages:
            error = message.error()
            partition = self._partition(message.topic() or "", message.partition() or 0)
            if error is None:
                if partition in self.snapshot.leases and partition not in self._waiting:
                    records.append(_record(partition, message))
            elif error.code() == PARTITION_EOF:
                ends[partition] = message.offset() or 0
            elif error.code() == NOT_IN_THE_LOG:
                text = f"{partition.topic}[{partition.number}]: {error.str()}; see docs/runbook.md"
                raise LogLost(text)
            elif error.fatal():
                raise KafkaException(error)
            else:
                log.warning("kafka.consumer", group=self._subscription.group, error=error.str())
        return records, ends

    def _hand_over(self, consumer: Consumer, batch: Batch) -> None:
        with self._room:
            self._backlog.append(batch)
            self._loop.call_soon_threadsafe(self._ready.set)
            self._room.wait_for(self._has_room, PATIENCE_S)
        while not self._has_room():
            self._pause(consumer, set(self.snapshot.leases))
            for message in consumer.consume(1, POLL_S):
                if message.error() is None:
                    self._give_back(consumer, message)
            self._obey(consumer, everything_paused=True)

    def _has_room(self) -> bool:
        return len(self._backlog) < BACKLOG_MAX or self._stopping

    def _give_back(self, consumer: Consumer, message: Message) -> None:
        """A record that came although its partition is paused: it shall come again."""
        topic, number, offset = message.topic(), message.partition(), message.offset()
        if topic is not None and number is not None and offset is not None:
            consumer.seek(TopicPartition(topic, number, offset))

    def _obey(self, consumer: Consumer, *, everything_paused: bool = False) -> None:
        while self._told:
            partition, lease, offset = self._told.popleft()
            if self.snapshot.leases.get(partition) == lease:
                consumer.seek(TopicPartition(*self._named(partition), offset))
                self._waiting.discard(partition)
                self._lease({partition: Progress(offset)})
        if not everything_paused:
            self._pause(consumer, (set(self._held) | self._waiting) & set(self.snapshot.leases))
        reported, self._reported = self._reported, {}
        mine = {p: o for p, o in reported.items() if p in self.snapshot.leases}
        if mine:
            offsets = [TopicPartition(*self._named(p), offset) for p, offset in mine.items()]
            consumer.commit(offsets=offsets, asynchronous=True)

    def _pause(self, consumer: Consumer, wanted: set[Partition]) -> None:
        pause, resume = wanted - self._paused, self._paused - wanted
        if pause:
            consumer.pause([TopicPartition(*self._named(p)) for p in pause])
        if resume:
            consumer.resume([TopicPartition(*self._named(p)) for p in resume])
        self._paused = set(wanted)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = {self._partition(tp.topic, tp.partition): tp for tp in partitions}
        if self._subscription.ledger:
            self._waiting |= set(ours)
            consumer.incremental_assign([TopicPartition(*self._named(p), 0) for p in ours])
            self._pause(consumer, self._paused | set(ours))
            self._lease(dict.fromkeys(ours))
        else:
            starts = self._committed(consumer, partitions)
            for partition, tp in ours.items():
                tp.offset = starts[partition].offset if partition in starts else OFFSET_BEGINNING
            consumer.incremental_assign(partitions)
            self._lease({p: starts.get(p, Progress(0)) for p in ours})
        log.info("kafka.assigned", group=self._subscription.group, partitions=_short(ours))

    def _lease(self, starts: Mapping[Partition, Progress | None]) -> None:
        """New leases for these partitions; the next batch tells where those with a start begin."""
        leases = dict(self.snapshot.leases)
        for partition, start in starts.items():
            self._lease_count += 1
            leases[partition] = self._lease_count
            self._starts.pop(partition, None)
            if start is not None:
                self._starts[partition] = start
        with self.transacting:
            self.snapshot = replace(self.snapshot, leases=leases)
        self._changed = True

    def _committed(
        self, consumer: Consumer, partitions: list[TopicPartition]
    ) -> dict[Partition, Progress]:
        """Where the group stands; a time-out means wait, never reset: open transactions end."""
        while not self._stopping:
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
        with self.transacting:  # waits for the open transaction; none after it has these partitions
            kept = {p: lease for p, lease in self.snapshot.leases.items() if p not in gone}
            self.snapshot = replace(self.snapshot, leases=kept)
        for partition in gone:
            self._starts.pop(partition, None)
            self._reported.pop(partition, None)
        self._waiting -= gone
        self._paused -= gone
        self._changed = True
        consumer.incremental_unassign(partitions)
        log.info("kafka.revoked", group=self._subscription.group, partitions=_short(gone))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("kafka.lost", group=self._subscription.group, partitions=len(partitions))
        self._on_revoke(consumer, partitions)

    def _measure(self, consumer: Consumer) -> None:
        """Lag as of the last fetch, once a second: no question to the broker."""
        if time.monotonic() < self._measured + 1:
            return
        self._measured = time.monotonic()
        for partition in self.snapshot.leases:
            tp = TopicPartition(*self._named(partition))
            _, high = consumer.get_watermark_offsets(tp, cached=True)
            position = consumer.position([tp])[0].offset
            if position >= 0:
                self._lag(partition, max(0, high - position))

    def _named(self, partition: Partition) -> tuple[str, int]:
        return self._cluster.named(partition.topic), partition.number

    def _partition(self, topic: str, number: int) -> Partition:
        return Partition(self._cluster.catalogued(topic), number)


def _record(partition: Partition, message: Message) -> Record:
    return Record(
        partition=partition,
        offset=message.offset() or 0,
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
        timestamp_ms=message.timestamp()[1],
    )


def _headers(message: Message) -> Headers:
    """The library gives a list of pairs; a header without a value is kept as an empty one."""
    headers = cast("list[tuple[str, bytes | None]] | None", message.headers())
    return [(name, value or b"") for name, value in headers] if headers else ()


def _short(partitions: Iterable[Partition]) -> str:
    numbers: dict[str, list[str]] = defaultdict(list)
    for topic, number in sorted(partitions):
        numbers[topic].append(str(number))
    return " ".join(f"{topic}[{','.join(held)}]" for topic, held in numbers.items())
