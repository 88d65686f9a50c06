import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from connectors.kafka.clients import Cluster
from connectors.kafka.follower import Follower
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.topics import apply, compare, missing
from infra.services.endpoints import Endpoints
from schemas.cameras import CameraRegistered
from streams import identity
from streams.lanes import Encoded
from streams.publishing import record
from streams.registry import Registry
from streams.topic_plan import Alter, Layout, Refuse
from streams.topics import REGISTRY, catalogue

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LAYOUT = Layout(2, 1)


def empty(endpoints: Endpoints) -> Cluster:
    return Cluster(endpoints.bootstrap_servers, namespace=f"t{uuid4().hex[:8]}")


def camera(name: str) -> CameraRegistered:
    return CameraRegistered(camera_id="gate", source="test", timestamp=NOW, name=name)


def test_applying_makes_every_topic_and_leaves_nothing_to_do(endpoints: Endpoints) -> None:
    cluster = empty(endpoints)

    apply(cluster, compare(cluster, LAYOUT))

    assert (compare(cluster, LAYOUT), missing(cluster)) == ((), ())


def test_on_an_empty_kafka_everything_is_missing(endpoints: Endpoints) -> None:
    assert missing(empty(endpoints)) == tuple(topic.name for topic in catalogue())


def test_namespaces_do_not_see_each_other(cluster: Cluster, endpoints: Endpoints) -> None:
    neighbours = (missing(cluster), missing(empty(endpoints)))

    assert neighbours == ((), tuple(topic.name for topic in catalogue()))


def test_a_changed_partition_count_is_refused_and_the_topic_left_alone(cluster: Cluster) -> None:
    wanted = Layout(7, 1)

    apply(cluster, compare(cluster, wanted))

    assert {type(change) for change in compare(cluster, wanted)} == {Refuse}


def test_a_retention_that_was_cut_is_restored(cluster: Cluster) -> None:
    partitions = 7
    refused = compare(cluster, Layout(partitions, 1))
    apply(cluster, [Alter("ai.events.v1", {"retention.ms": "60000"}, {})])
    apply(cluster, compare(cluster, Layout(partitions, 1)))

    assert compare(cluster, Layout(partitions, 1)) == refused


async def test_a_follower_is_ready_with_the_newest_state(cluster: Cluster) -> None:
    publisher, registry = KafkaPublisher(cluster), Registry()
    for name in ("Old", "New"):
        await publisher.publish(record(camera(name)))
    follower = Follower(cluster, REGISTRY, registry.apply)
    following = asyncio.create_task(follower.run())

    async with asyncio.timeout(20):
        await follower.ready()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await publisher.close()

    found = registry.find(identity.camera_id("test", "gate"))
    assert found is not None
    assert found.name == "New"


async def test_a_follower_passes_over_what_it_cannot_decode(cluster: Cluster) -> None:
    publisher, registry = KafkaPublisher(cluster), Registry()
    await publisher.publish(Encoded(REGISTRY.name, b"gate", b"nonsense", ()))
    await publisher.publish(record(camera("Gate")))
    follower = Follower(cluster, REGISTRY, registry.apply)
    following = asyncio.create_task(follower.run())

    async with asyncio.timeout(20):
        await follower.ready()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await publisher.close()

    assert registry.find(identity.camera_id("test", "gate")) is not None


async def test_an_acknowledged_record_says_where_it_is(cluster: Cluster) -> None:
    publisher = KafkaPublisher(cluster)
    await publisher.publish(record(camera("Gate")))

    second = await publisher.publish(record(camera("Gate")))
    await publisher.close()

    assert second.offset == 1
