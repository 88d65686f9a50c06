"""The log read from some offset to some other, while transactions are under way."""

import asyncio

from confluent_kafka import Producer

from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from streams.records import Partition, Record
from streams.topics import AI_ATTEMPTS

PLACE = Partition(AI_ATTEMPTS.name, 0)


def transaction(cluster: Cluster) -> Producer:
    """With one record that the broker has, and no end yet."""
    producer = Producer(cluster.confluent() | {"transactional.id": cluster.named("open")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(cluster.named(PLACE.topic), b"within", None, PLACE.number)
    producer.flush(30)
    return producer


async def read(history: History, end: int) -> list[Record]:
    return [record async for batch in history.read({PLACE: (0, end)}) for record in batch]


async def test_an_end_that_counts_open_transactions_is_reached_when_they_have_ended(
    cluster: Cluster,
) -> None:
    """So what a saved outcome speaks of is saved with it."""
    history = History(cluster, (PLACE.topic,))
    producer = await asyncio.to_thread(transaction, cluster)
    committed, all_ = await history.logs(), await history.logs(open_too=True)

    reading = asyncio.create_task(read(history, all_[PLACE].end or 0))
    await asyncio.to_thread(producer.commit_transaction, 30)

    assert (committed[PLACE].end, all_[PLACE].end) == (0, 1)
    assert [record.value for record in await reading] == [b"within"]
