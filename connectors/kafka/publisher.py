"""Publishes single records, idempotently, and says when the broker has them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from streams.lanes import Encoded
from streams.queries import Acknowledged, Unavailable

log = structlog.get_logger(__name__)

DELIVERY_TIMEOUT_MS: Final = 20_000
POLL_S: Final = 0.1
REACH_TIMEOUT_S: Final = 3.0

Report = Callable[[KafkaError | None, Message], None]


class KafkaPublisher:
    """Implements `streams.queries.Publisher` and `streams.lanes.Letters`.

    Used from one event loop. A task of that loop serves delivery reports while any is awaited.
    A producer with a fatal error (its numbers and the broker's parted) takes nothing ever again;
    another takes its place, and what was under way is said not to be there.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        linger_ms: int = 5,
        producer: Callable[..., Producer] = Producer,
    ) -> None:
        """`producer` is the library's; who injects faults brings another."""
        self._cluster = cluster
        self._linger_ms = linger_ms
        self._make_producer = producer
        self._loop = asyncio.get_running_loop()
        self._awaited: set[asyncio.Future[Acknowledged]] = set()
        self._polling: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._producer = self._made()

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

        try:
            self._hand_over(record, report)
        except KafkaException as error:
            raise Unavailable("kafka", error.args[0].str()) from error
        except BufferError as error:
            raise Unavailable("kafka", "too many records wait to be acknowledged") from error
        self._awaited.add(done)
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
        producer = self._producer
        try:
            await asyncio.to_thread(producer.flush, DELIVERY_TIMEOUT_MS / 1000)
        except KafkaException as error:
            self._replace(producer, error)
        await asyncio.gather(*self._retiring)

    def _hand_over(self, record: Encoded, report: Report) -> None:
        """Raises KafkaException, BufferError."""
        producer = self._producer
        try:
            self._produce(record, report)
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            self._replace(producer, error)
            self._produce(record, report)

    def _produce(self, record: Encoded, report: Report) -> None:
        topic = self._cluster.named(record.topic)
        self._producer.produce(
            topic, record.value, record.key, headers=list(record.headers), on_delivery=report
        )

    async def _poll(self) -> None:
        while self._awaited:
            producer = self._producer
            try:
                await asyncio.to_thread(producer.poll, POLL_S)
            except KafkaException as error:
                self._replace(producer, error)
        self._polling = None

    def _replace(self, broken: Producer, error: KafkaException) -> None:
        if broken is not self._producer:
            return  # somebody saw it before us
        log.error("kafka.publisher", error=error.args[0].str())
        self._producer = self._made()
        awaited, self._awaited = self._awaited, set()
        task = self._loop.create_task(self._retire(broken, awaited, error))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    @staticmethod
    async def _retire(
        broken: Producer, awaited: "set[asyncio.Future[Acknowledged]]", error: KafkaException
    ) -> None:
        """Everybody who waits hears: by a report that is still to be had, or by this error."""
        broken.purge()
        with suppress(KafkaException):
            await asyncio.to_thread(broken.flush, POLL_S)
        for done in awaited:
            if not done.done():
                done.set_exception(Unavailable("kafka", error.args[0].str()))

    def _resolve(
        self, done: "asyncio.Future[Acknowledged]", error: KafkaError | None, message: Message
    ) -> None:
        self._awaited.discard(done)
        if done.done():
            return  # given up, by whoever waited or with its producer
        if error is not None:
            done.set_exception(Unavailable("kafka", error.str()))
        else:
            done.set_result(Acknowledged(message.partition() or 0, message.offset() or 0))

    def _made(self) -> Producer:
        settings = self._cluster.confluent() | {
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
            "linger.ms": self._linger_ms,
            "queue.buffering.max.messages": 200_000,
        }
        return self._make_producer(settings, logger=LIBRDKAFKA)
