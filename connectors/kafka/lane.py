"""One step's lane: a group reader and a transactional producer that share one view of ownership.

What is known of Kafka's transactions and what follows (docs/decisions/0003-exactly-once.md): an
error after which nobody can say whether the transaction is in the log is answered by throwing the
producer away. Its successor with the same id first ends whatever the old one left open, then the
committed progress is read back: if it is ours, the transaction is in the log; if not, the same work
is committed again. Work is never dropped while its lease stands.

A broker may take a transaction for aborted and never write so into a partition that had no leader
just then (KAFKA-20734, in 4.3.1): its records lie open, and the next commit of the same producer
would make them valid, beside the same records written again. So nothing is committed again before
the same has been written once more and aborted: that marker ends whatever lies open there.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka.clients import (
    CALL_TIMEOUT_S,
    FENCED,
    LIBRDKAFKA,
    TRANSACTION_TIMEOUT_MS,
    Cluster,
    bounded,
)
from connectors.kafka.ownership import Snapshot
from connectors.kafka.polling import Subscription
from connectors.kafka.reader import GroupReader, committed
from streams.lanes import Batch, Encoded, Progress, Work
from streams.records import Partition

R = TypeVar("R")

log = structlog.get_logger(__name__)

RETRY_S: Final = 0.1
RETRY_MAX_S: Final = 2.0

CANT_PASS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
    }
)


@dataclass(frozen=True)
class Slot:
    """Who writes: a step, and this worker's number among the step's workers."""

    step: str
    number: int

    @property
    def transactional_id(self) -> str:
        """Stable across restarts, so that a new worker ends what a killed one left open."""
        return f"{self.step}-{self.number}"


class KafkaLane:
    """Implements `streams.lanes.Lane`."""

    def __init__(
        self,
        cluster: Cluster,
        subscription: Subscription,
        slot: Slot,
        lag: Callable[[Partition, int], None],
        producer: Callable[..., Producer] = Producer,
    ) -> None:
        """`producer` is the library's; who injects faults brings a subclass."""
        self._cluster = cluster
        self._group = subscription.group
        self._slot = slot
        self._reader = GroupReader(cluster, subscription, lag)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"transact-{slot.step}")
        self._make_producer = producer
        self._producer: Producer | None = None
        self._closing = threading.Event()
        self._void: Work | None = None
        """What a transaction that failed may have left open in the log."""
        self._turned: float | None = None
        """When the thread of transactions last turned; None when it has nothing to do."""

    @property
    def silent_s(self) -> float:
        """For how long the poll thread, or a transaction under way, has not turned."""
        turned = self._turned
        transacting_s = 0.0 if turned is None else time.monotonic() - turned
        return max(self._reader.silent_s, transacting_s)

    async def open(self) -> None:
        """Ends what a killed predecessor left open, then joins the group."""
        await self._in_thread(self._ready_producer)
        await self._reader.start_polling()

    async def take(self) -> Batch:
        """The next batch."""
        return await self._reader.take()

    def hold(self, partitions: frozenset[Partition]) -> None:
        """Pauses exactly these."""
        self._reader.hold(partitions)

    async def topic_ids(self) -> Mapping[str, str]:
        """Ids of the topics read."""
        return await self._reader.topic_ids()

    async def commit(self, work: Work) -> frozenset[Partition]:
        """One transaction, tried until it is in the log or every lease in it has ended.

        Raises KafkaException for what no waiting mends: rights that lack, a record no topic takes.
        """
        return await self._in_thread(lambda: self._commit(work))

    async def close(self) -> None:
        """Leaves the group and ends the producer; an unfinished commit gives up first."""
        await self._reader.close()
        self._closing.set()
        await asyncio.to_thread(self._thread.shutdown)
        if self._producer:
            self._producer.purge()

    async def _in_thread(self, call: Callable[[], R]) -> R:
        def turning() -> R:
            self._turned = time.monotonic()
            try:
                return call()
            finally:
                self._turned = None

        return await asyncio.get_running_loop().run_in_executor(self._thread, turning)

    # Everything below runs in the one thread of transactions.

    def _commit(self, work: Work) -> frozenset[Partition]:
        pause_s = RETRY_S
        there: frozenset[Partition] = frozenset()
        while not self._closing.is_set():
            self._turned = time.monotonic()
            producer = self._ready_producer()
            if producer is None:
                break
            asked = False
            with self._reader.ownership.transacting:
                snapshot = self._reader.ownership.snapshot
                ours = self._still_ours(work, snapshot) - there
                try:
                    self._sweep(producer, snapshot)
                    if not ours:
                        return there
                    self._transact(producer, work, ours, snapshot)
                    asked = True
                    producer.commit_transaction(CALL_TIMEOUT_S)
                except KafkaException as error:
                    failure = error
                else:
                    return there | ours
            if failure.args[0].code() in CANT_PASS:
                self._discard()
                raise failure
            if self._clarify(producer, failure, asked=asked):
                there |= self._in_the_log(work, ours)
            if self._void is None and (rest := ours - there):
                self._void = Work({}, {p: work.progress[p] for p in rest}, work.outputs)
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, no secret
            pause_s = min(pause_s * 2, RETRY_MAX_S)
        return there

    @staticmethod
    def _still_ours(work: Work, snapshot: Snapshot) -> frozenset[Partition]:
        return frozenset(
            p for p in work.progress if snapshot.leases.get(p) == work.leases.get(p, -1)
        )

    def _transact(
        self, producer: Producer, work: Work, parts: Collection[Partition], snapshot: Snapshot
    ) -> None:
        """All of it but the commit."""
        producer.begin_transaction()
        for partition in parts:
            self._produce(producer, work.outputs.get(partition, ()))
        offsets = [self._offset(p, work.progress[p]) for p in parts]
        bounded(
            lambda: producer.send_offsets_to_transaction(
                offsets, snapshot.membership, CALL_TIMEOUT_S
            )
        )

    def _sweep(self, producer: Producer, snapshot: Snapshot) -> None:
        """Ends what a failed transaction may have left open, by an aborted one like it."""
        if self._void is None:
            return
        self._transact(producer, self._void, self._void.progress.keys(), snapshot)
        producer.flush(CALL_TIMEOUT_S)  # what is not in the log yet would be left out of it
        producer.abort_transaction(CALL_TIMEOUT_S)
        self._void = None

    def _produce(self, producer: Producer, outputs: Sequence[Encoded]) -> None:
        topics = {name: self._cluster.named(name) for name in {o.topic for o in outputs}}
        produce = producer.produce
        for output in outputs:
            topic = topics[output.topic]
            headers: list[tuple[str, str | bytes | None]] = [*output.headers]
            while True:
                try:
                    produce(topic, output.value, output.key, headers=headers)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break

    def _offset(self, partition: Partition, progress: Progress) -> TopicPartition:
        topic = self._cluster.named(partition.topic)
        return TopicPartition(topic, partition.number, progress.offset, progress.metadata)

    def _clarify(self, producer: Producer, failure: KafkaException, *, asked: bool) -> bool:
        """After a failure: whether the transaction may be in the log after all.

        It is not when no commit was `asked` for, or the library says that it must be aborted.
        """
        error = failure.args[0]
        log.warning("kafka.transaction", slot=self._slot.transactional_id, error=error.str())
        decided = not asked or error.txn_requires_abort()
        if error.txn_requires_abort():
            try:
                producer.abort_transaction(CALL_TIMEOUT_S)
            except KafkaException as again:
                error = again.args[0]
            else:
                return False
        if error.code() in FENCED:
            log.error(
                "kafka.fenced",
                slot=self._slot.transactional_id,
                remedy="another worker has this slot, or this one was frozen: one slot, one worker",
            )
        self._discard()
        return not decided and self._ready_producer() is not None

    def _in_the_log(self, work: Work, ours: frozenset[Partition]) -> frozenset[Partition]:
        """Asked of the group's progress, once the successor has ended what was open.

        Each speaks for itself. One that was taken away meanwhile may have the same progress from
        its new owner, which says nothing of the others (tests/simulation found work lost by that).
        """

        def stopped() -> bool:
            self._turned = time.monotonic()
            return self._closing.is_set()

        found = committed(self._cluster, self._group, ours, stopped)
        return frozenset(p for p in ours if found.get(p) == work.progress[p])

    def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer:
            producer.purge()

    def _ready_producer(self) -> Producer | None:
        """A producer whose predecessor's transaction has ended; None only when closing."""
        pause_s = RETRY_S
        while self._producer is None and not self._closing.is_set():
            self._turned = time.monotonic()
            producer = self._make_producer(self._settings(), logger=LIBRDKAFKA)
            try:
                producer.init_transactions(CALL_TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() in CANT_PASS:
                    raise
                log.warning("kafka.init_transactions", error=error.args[0].str())
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
            else:
                self._producer = producer
        return self._producer

    def _settings(self) -> dict[str, str | float | bool]:
        return self._cluster.confluent() | {
            "transactional.id": self._cluster.named(self._slot.transactional_id),
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "partitioner": "murmur2_random",
            "linger.ms": 50,  # a commit sends at once whatever waits: large batches in few requests
            "batch.size": 1 << 20,
            "delivery.report.only.error": True,  # a commit says it of all
            "queue.buffering.max.messages": 200_000,
        }
