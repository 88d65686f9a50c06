"""Publishes single records, idempotently, and says when the broker has them."""

import asyncio
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from streams.lanes import Encoded
from streams.queries import Acknowledged, Unavailable

DELIVERY_TIMEOUT_MS: Final = 20_000
POLL_S: Final = 0.1
REACH_TIMEOUT_S: Final = 3.0


class KafkaPublisher:
    """Implements `streams.queries.Publisher` and `streams.lanes.Letters`.

    Used from one event loop. A task of that loop serves delivery reports while any is awaited.
    """

    def __init__(self, cluster: Cluster, *, linger_ms: int = 5) -> None:
        self._cluster = cluster
        self._loop = asyncio.get_running_loop()
        self._awaited = 0
        self._polling: asyncio.Task[None] | None = None
        self._producer = Producer(
            cluster.confluent()
            | {
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": 200_000,
            },
            logger=LIBRDKAFKA,
        )

    async def publish(self, record: Encoded) -> Acknowledged:
        """Returns when the broker has the record, with where.

        Raises Unavailable when it doesn't.
        """
        return await self.begin(record)

    def begin(self, record: Encoded) -> "asyncio.Future[Acknowledged]":
        """Hands the record over; the future ends with where it is, or with Unavailable.

        Raises Unavailable, also when too many are under way: await some first.
        """
        done: asyncio.Future[Acknowledged] = self._loop.create_future()

        def report(error: KafkaError | None, message: Message) -> None:
            self._loop.call_soon_threadsafe(self._resolve, done, error, message)

        topic = self._cluster.named(record.topic)
        try:
            self._producer.produce(
                topic, record.value, record.key, headers=list(record.headers), on_delivery=report
            )
        except KafkaException as error:
            raise Unavailable("kafka", error.args[0].str()) from error
        except BufferError as error:
            raise Unavailable("kafka", "too many records wait to be acknowledged") from error
        self._awaited += 1
        if self._polling is None:
            self._polling = self._loop.create_task(self._poll())
        return done

    async def append(self, records: Sequence[Encoded]) -> None:
        """Returns when the broker has all of them. Raises Unavailable."""
        await asyncio.gather(*[self.begin(record) for record in records])

    async def reachable(self) -> None:
        """Returns when the brokers answer. Raises Unavailable."""
        try:
            await asyncio.to_thread(self._producer.list_topics, timeout=REACH_TIMEOUT_S)
        except KafkaException as error:
            raise Unavailable("kafka", error.args[0].str()) from error

    async def close(self) -> None:
        """Waits for what is under way, within the delivery time-out."""
        await asyncio.to_thread(self._producer.flush, DELIVERY_TIMEOUT_MS / 1000)

    async def _poll(self) -> None:
        while self._awaited:
            await asyncio.to_thread(self._producer.poll, POLL_S)
        self._polling = None

    def _resolve(
        self, done: "asyncio.Future[Acknowledged]", error: KafkaError | None, message: Message
    ) -> None:
        self._awaited -= 1
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(Unavailable("kafka", error.str()))
        else:
            done.set_result(Acknowledged(message.partition() or 0, message.offset() or 0))
