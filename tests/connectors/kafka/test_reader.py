"""A ledger's reader on a real Kafka: what it says of a topic is what the topic is now."""

import asyncio
from dataclasses import replace

import pytest

from connectors.kafka.clients import Cluster
from connectors.kafka.polling import LogLost, Subscription
from connectors.kafka.reader import GroupReader
from connectors.kafka.topics import apply, compare
from infra.services.endpoints import Endpoints
from streams.records import Partition
from streams.topic_plan import Layout
from streams.topics import AI_INFERENCES
from tests.embedded import PARTITIONS, fresh_cluster

PLACE = Partition(AI_INFERENCES.name, 0)


def remade(cluster: Cluster) -> None:
    """The topic, deleted and made again. Deleting is over when the broker has forgotten it."""
    admin, name = cluster.admin(), cluster.named(PLACE.topic)
    admin.delete_topics([name])[name].result()
    while name in admin.list_topics(timeout=10).topics:
        pass
    apply(cluster, compare(cluster, Layout(PARTITIONS, 1)))


async def read_on(reader: GroupReader) -> None:
    while True:
        await reader.take()


async def test_a_topic_made_anew_has_another_id_at_the_next_claim(endpoints: Endpoints) -> None:
    cluster = fresh_cluster(endpoints)
    reader = GroupReader(cluster, Subscription("project", (PLACE.topic,), 10), lambda *_: None)
    before, ids_before = await reader.logs([PLACE]), await reader.topic_ids()

    remade(cluster)

    after, ids_after = await reader.logs([PLACE]), await reader.topic_ids()
    assert before[PLACE].topic_id == ids_before[PLACE.topic]
    assert after[PLACE].topic_id == ids_after[PLACE.topic]
    assert before[PLACE].topic_id != after[PLACE].topic_id


async def test_with_the_classic_protocol_a_topic_made_anew_is_not_read_on(
    endpoints: Endpoints,
) -> None:
    """Nobody assigns the new topic there: its first records would be passed over."""
    cluster = replace(fresh_cluster(endpoints), group_protocol="classic")
    subscription = Subscription("project", (PLACE.topic,), 10)
    reader = GroupReader(cluster, subscription, lambda *_: None, look_s=0.2)
    await reader.start_polling()
    await reader.take()

    await asyncio.to_thread(remade, cluster)

    with pytest.raises(LogLost, match="made anew"):
        await asyncio.wait_for(read_on(reader), 60)
    await reader.close()
