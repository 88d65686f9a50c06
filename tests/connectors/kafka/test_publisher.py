"""What a publisher does when its producer is at its end.

The producer here is the library's, told to call any refused record a fatal error: the broker
refuses one that is too large for its topic.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from confluent_kafka import Producer

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from streams.lanes import Encoded
from streams.queries import Acknowledged, Unavailable
from streams.topics import ENRICHED

SMALL = Encoded(ENRICHED.name, b"gate", b"small", ())
REFUSED = Encoded(ENRICHED.name, b"gate", b"x" * 2_000_000, ())


def ends_when_refused(settings: Mapping[str, str | float | bool], **known: object) -> Producer:
    ours = {"enable.gapless.guarantee": True, "message.max.bytes": 4_000_000}
    return Producer({**settings, **ours}, **known)


@pytest.fixture
async def publisher(cluster: Cluster) -> AsyncIterator[KafkaPublisher]:
    opened = KafkaPublisher(cluster, producer=ends_when_refused)
    yield opened
    await opened.close()


async def answers(
    publisher: KafkaPublisher, *records: Encoded
) -> list[Acknowledged | BaseException]:
    async with asyncio.timeout(30):
        return await asyncio.gather(
            *[publisher.begin(record) for record in records], return_exceptions=True
        )


async def test_everybody_who_waits_hears_of_the_end_of_a_producer(
    publisher: KafkaPublisher,
) -> None:
    told = await answers(publisher, REFUSED, *[SMALL] * 20)

    assert {type(one) for one in told} <= {Acknowledged, Unavailable}
    assert isinstance(told[0], Unavailable)


async def test_after_a_fatal_error_another_producer_publishes(publisher: KafkaPublisher) -> None:
    await answers(publisher, REFUSED, *[SMALL] * 20)

    assert isinstance((await answers(publisher, SMALL))[0], Acknowledged)


async def test_a_producer_may_end_more_than_once(publisher: KafkaPublisher) -> None:
    for _ in range(3):
        await answers(publisher, REFUSED, SMALL)

    assert isinstance((await answers(publisher, SMALL))[0], Acknowledged)
