"""A step that takes nothing for longer than a consumer may go without polling stays in its group.

A consumer that is not polled, in a group of its own and with the same patience, is thrown out
meanwhile: so we know that the stall was long enough.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from confluent_kafka import Consumer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.kafka.publisher import KafkaPublisher
from streams.lanes import Batch, Encoded, Progress, Work
from streams.records import Record
from streams.topics import CAMERA_EVENTS, ENRICHED

RECORDS = 300
BATCH_MAX = 10
"""So that far more is in the log than a lane holds."""

DEADLINE_S = 60.0
LOOK_S = 0.2


class Impatient(Cluster):
    """Clients that may go for six seconds without polling."""

    def confluent(self) -> dict[str, str | float | bool]:
        return super().confluent() | {"max.poll.interval.ms": 6_000}


@pytest.fixture
def impatient(cluster: Cluster) -> Cluster:
    return Impatient(cluster.bootstrap_servers, namespace=cluster.namespace)


@pytest.fixture
async def lane(impatient: Cluster) -> AsyncIterator[KafkaLane]:
    publisher = KafkaPublisher(impatient)
    await publisher.append(
        [Encoded(CAMERA_EVENTS.name, b"k", b"%d" % n, ()) for n in range(RECORDS)]
    )
    await publisher.close()
    subscription = Subscription("step", (CAMERA_EVENTS.name,), BATCH_MAX)
    opened = KafkaLane(impatient, subscription, Slot("step", 0), lambda _p, _n: None)
    await opened.open()
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Groups:
    """Who is in which group, as the broker says."""

    cluster: Cluster

    def members(self, group: str) -> list[str]:
        name = self.cluster.named(group)
        admin = self.cluster.admin()  # must outlive its answers
        asked = admin.describe_consumer_groups([name], request_timeout=10)
        return [member.member_id for member in asked[name].result().members]

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(seen):  # noqa: ASYNC110  # the broker tells nobody
                await asyncio.sleep(LOOK_S)


@contextmanager
def unpolled(cluster: Cluster) -> Iterator[None]:
    """A consumer that has joined the group `control` and is never polled again."""
    settings = cluster.confluent() | {
        "group.id": cluster.named("control"),
        "group.protocol": cluster.group_protocol,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(settings, logger=LIBRDKAFKA)
    consumer.subscribe([cluster.named(CAMERA_EVENTS.name)])
    while not consumer.assignment():
        consumer.poll(0.1)
    try:
        yield
    finally:
        consumer.close()


def work_of(batch: Batch) -> Work:
    progress = {r.partition: Progress(r.offset + 1) for r in batch.records}
    outputs = {
        p: [Encoded(ENRICHED.name, r.key, r.value, ()) for r in batch.records if r.partition == p]
        for p in progress
    }
    return Work(batch.leases, progress, outputs)


async def test_a_lane_that_nobody_takes_from_stays_in_its_group(
    impatient: Cluster, lane: KafkaLane
) -> None:
    groups = Groups(impatient)
    batch = await lane.take()
    while not batch.records:
        batch = await lane.take()
    before = await asyncio.to_thread(groups.members, "step")

    with unpolled(impatient):
        await groups.until(lambda: not groups.members("control"))
        after = await asyncio.to_thread(groups.members, "step")

    assert (len(before), after) == (1, before)


async def test_after_the_stall_every_record_comes_once_under_the_same_lease(
    impatient: Cluster, lane: KafkaLane
) -> None:
    groups, records, leases = Groups(impatient), list[Record](), set[int]()
    with unpolled(impatient):
        await groups.until(lambda: not groups.members("control"))

    async with asyncio.timeout(DEADLINE_S):
        while len(records) < RECORDS:
            batch = await lane.take()
            records += batch.records
            leases |= {batch.leases[record.partition] for record in batch.records}
            if batch.records:
                assert await lane.commit(work_of(batch))

    assert [record.value for record in records] == [b"%d" % n for n in range(RECORDS)]
    assert len(leases) == 1
