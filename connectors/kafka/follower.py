"""Reads a small topic whole and stays with it, such as the registry of cameras.

aiokafka, because such topics need no group, no speed and no thread; it must be told
`read_committed`.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from connectors.kafka.clients import Cluster
from schemas.codec import Undecodable
from streams.topics import Topic

log = structlog.get_logger(__name__)

W = TypeVar("W", bound=msgspec.Struct)

RETRY_S: Final = 1.0
POLL_MS: Final = 500


class Follower(Generic[W]):
    """Hands every record of a topic, oldest first, to `apply(event, offset)`; `ready` at the end.

    What can't be decoded is logged and passed over: the newest good state of a key stands.
    """

    def __init__(self, cluster: Cluster, topic: Topic[W], apply: Callable[[W, int], None]) -> None:
        self._cluster = cluster
        self._topic = topic
        self._apply = apply
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Returns when the topic was read to the end that it had at the start."""
        await self._ready.wait()

    async def run(self) -> None:
        """Follows until cancelled.

        Begins anew, which changes nothing, after trouble that passes.
        """
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("kafka.follower", topic=self._topic.name, error=str(error))
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._cluster.aiokafka(), isolation_level="read_committed", auto_offset_reset="none"
        )
        try:
            await consumer.start()
            ends = await self._begin(consumer)
            while True:
                if not self._ready.is_set() and await self._at(consumer, ends):
                    self._ready.set()
                batches = await consumer.getmany(timeout_ms=POLL_MS)
                for records in batches.values():
                    for record in records:
                        self._take(record)
        finally:
            await consumer.stop()

    async def _begin(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        name = self._cluster.named(self._topic.name)
        await consumer._client.set_topics([name])  # noqa: SLF001  # no public way without a group
        numbers = consumer.partitions_for_topic(name)
        if not numbers:
            text = f"topic {name} does not exist; run `./vidette topics apply`"
            raise OSError(text)
        partitions = [TopicPartition(name, number) for number in numbers]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        return ends

    async def _at(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
        positions = [await consumer.position(partition) >= end for partition, end in ends.items()]
        return all(positions)

    def _take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        try:
            event = self._topic.codec.decode(record.value)
        except Undecodable as error:
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            log.warning("follower.undecodable", place=place, error=str(error))
            return
        self._apply(event, record.offset)
