"""What a lane on a real Kafka does that its twin can't: answer what no waiting mends."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import KafkaException

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
