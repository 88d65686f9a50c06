"""Reads a small topic whole and stays with it, such as the registry of cameras.

All partitions, in no group, committed records only. With confluent-kafka: aiokafka can't get past a
record whose header name is not UTF-8, and one such record would freeze every policy.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from connectors.kafka.backlog import CHUNK_MAX
from connectors.kafka.clients import LIBRDKAFKA, Cluster
from connectors.kafka.messages import PARTITION_EOF
from schemas.codec import Undecodable
from streams.queries import Unavailable
from streams.topics import Topic

log = structlog.get_logger(__name__)

W = TypeVar("W", bound=msgspec.Struct)

RETRY_S: Final = 1.0
POLL_S: Final = 0.5
QUEUED_KBYTES_MAX: Final = 8_192
"""Fetched ahead; a topic that is read whole is small, or should be."""

REACH_TIMEOUT_S: Final = 10.0


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
        """Returns when every partition was read to its end once."""
        await self._ready.wait()

    async def run(self) -> None:
        """Follows until cancelled.

        Begins anew, which changes nothing, after trouble that passes.
        """
        while True:
            try:
                await self._follow()
            except (KafkaException, Unavailable) as error:
                log.warning("kafka.follower", topic=self._topic.name, error=str(error))
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        """In a thread of its own: it waits in there nearly always."""
        consumer = Consumer(self._settings(), logger=LIBRDKAFKA)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "follower") as thread:
            try:
                unread = await loop.run_in_executor(thread, self._begin, consumer)
                while True:
                    for message in await loop.run_in_executor(thread, _news, consumer):
                        self._take(message, unread)
                    if not unread:
                        self._ready.set()
            finally:
                await loop.run_in_executor(thread, consumer.close)

    def _settings(self) -> dict[str, object]:
        return {
            **self._cluster.confluent(),
            "group.id": self._cluster.named("follower"),  # never joined: partitions are assigned
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",  # of a compacted topic the oldest may go while we read
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
        }

    def _begin(self, consumer: Consumer) -> set[int]:
        """Assigns everything; the partitions that are not read to their end yet."""
        name = self._cluster.named(self._topic.name)
        found = consumer.list_topics(name, REACH_TIMEOUT_S).topics[name]
        if not found.partitions:
            text = f"topic {name} does not exist; run `./vidette topics apply`"
            raise Unavailable("kafka", text)
        consumer.assign([TopicPartition(name, n, OFFSET_BEGINNING) for n in found.partitions])
        return set(found.partitions)

    def _take(self, message: Message, unread: set[int]) -> None:
        error = message.error()
        if error is not None:
            if error.code() != PARTITION_EOF:
                raise KafkaException(error)
            unread.discard(message.partition() or 0)
            return
        try:
            event = self._topic.codec.decode(message.value())
        except Undecodable as why:
            place = f"{message.topic()}[{message.partition()}]@{message.offset()}"
            log.warning("follower.undecodable", place=place, error=str(why))
            return
        self._apply(event, message.offset() or 0)


def _news(consumer: Consumer) -> list[Message]:
    """As soon as there is anything, what there is: `consume` alone would wait for more to come."""
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(CHUNK_MAX, 0)]
