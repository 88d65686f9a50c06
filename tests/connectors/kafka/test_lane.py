"""What a lane on a real Kafka does that its twin can't: answer what no waiting mends."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from streams.lanes import Batch, Encoded, Progress, Work
from streams.records import Partition
from streams.topics import CAMERA_EVENTS, ENRICHED

WHERE = Partition(CAMERA_EVENTS.name, 0)


@pytest.fixture
async def lane(cluster: Cluster) -> AsyncIterator[KafkaLane]:
    subscription = Subscription("step", (CAMERA_EVENTS.name,), 10)
    opened = KafkaLane(cluster, subscription, Slot("step", 0), lambda _p, _n: None)
    await opened.open()
    yield opened
    await opened.close()


async def assigned(lane: KafkaLane) -> Batch:
    async with asyncio.timeout(30):
        while WHERE not in (batch := await lane.take()).leases:
            pass
    return batch


async def test_a_record_that_no_topic_takes_is_an_error_and_not_tried_for_ever(
    lane: KafkaLane,
) -> None:
    batch = await assigned(lane)
    huge = Encoded(ENRICHED.name, b"gate", b"x" * 2_000_000, ())

    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):
        await lane.commit(Work(batch.leases, {WHERE: Progress(1)}, {WHERE: [huge]}))


async def test_after_such_an_error_the_lane_can_be_used_again(lane: KafkaLane) -> None:
    batch = await assigned(lane)
    huge = Encoded(ENRICHED.name, b"gate", b"x" * 2_000_000, ())
    with pytest.raises(KafkaException):
        await lane.commit(Work(batch.leases, {WHERE: Progress(1)}, {WHERE: [huge]}))

    committed = await lane.commit(Work(batch.leases, {WHERE: Progress(1)}, {}))

    assert committed == {WHERE}


async def test_progress_that_kafka_cannot_hold_is_an_error(lane: KafkaLane) -> None:
    batch = await assigned(lane)

    with pytest.raises(KafkaException, match="METADATA"):
        await lane.commit(Work(batch.leases, {WHERE: Progress(1, "x" * 5000)}, {}))


class StuckProducer(Producer):
    """One whose first call never returns, until it is let go."""

    let_go = threading.Event()

    def init_transactions(self, timeout: float = 0) -> None:
        del timeout
        self.let_go.wait()
        raise KafkaException(KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))


async def test_a_thread_that_is_stuck_does_not_go_unnoticed() -> None:
    nowhere = Cluster(bootstrap_servers="127.0.0.1:1")
    subscription = Subscription("step", (CAMERA_EVENTS.name,), 10)
    lane = KafkaLane(
        nowhere, subscription, Slot("step", 0), lambda _p, _n: None, producer=StuckProducer
    )
    before = lane.silent_s

    opening = asyncio.create_task(lane.open())
    async with asyncio.timeout(30):
        while lane.silent_s < 0.05:  # noqa: ASYNC110  # what is waited for is another thread
            await asyncio.sleep(0.01)
    StuckProducer.let_go.set()

    with pytest.raises(KafkaException):
        await opening
    assert (before, lane.silent_s) == (0.0, 0.0)
    await lane.close()


class OffsetsLost(Producer):
    """The answer to the first offsets is lost; what was written before lies open."""

    lost = False

    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], group_metadata: object, timeout: float = -1
    ) -> None:
        super().send_offsets_to_transaction(positions, group_metadata, timeout)
        if not OffsetsLost.lost:
            OffsetsLost.lost = True
            self.flush()
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "lost"))  # noqa: SLF001  # public


async def test_what_a_failed_transaction_left_is_aborted_before_the_same_is_committed(
    cluster: Cluster,
) -> None:
    subscription = Subscription("step", (CAMERA_EVENTS.name,), 10)
    lane = KafkaLane(cluster, subscription, Slot("step", 0), lambda _p, _n: None, OffsetsLost)
    await lane.open()
    batch = await assigned(lane)
    output = Encoded(ENRICHED.name, b"gate", b"seen", ())
    await lane.commit(Work(batch.leases, {WHERE: Progress(1)}, {WHERE: [output]}))
    await lane.close()

    assert await read(cluster, "read_uncommitted") == [b"seen", b"seen", b"seen"]
    assert await read(cluster, "read_committed") == [b"seen"]


async def read(cluster: Cluster, isolation: str) -> list[bytes | None]:
    """All records of the topic that a reader of this isolation is given."""
    consumer = AIOKafkaConsumer(
        cluster.named(ENRICHED.name),
        bootstrap_servers=cluster.bootstrap_servers,
        isolation_level=isolation,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        found: list[bytes | None] = []
        for place, end in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()
