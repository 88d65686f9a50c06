"""Where the demo looks for what became of its inputs: rows in the database, records in the log."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from connectors.kafka.clients import Cluster
from connectors.postgres.connection import Connection, connect
from infra.demo.accounting import Logged, Row
from infra.services.endpoints import ServicesFailed
from schemas.codec import Undecodable
from schemas.headers import CE_ID
from schemas.outcomes import AiEvent
from streams.topics import AI_EVENTS, AI_INFERENCES, DEAD_LETTERS

log = logging.getLogger(__name__)

AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""A database that is being started again; TimeoutError is an OSError."""

RETRY_S: Final = 0.5
AWAY_MAX_S: Final = 60.0
POLL_MS: Final = 200
CAUGHT_UP_MAX_S: Final = 30.0
FETCHED: Final = 5_000
"""Rows at a time."""

ROWS: Final = """\
select id, event_id, camera_id, outcome, provider_used, created_at from ai_events
where timestamp between $1 and $2 and camera_id = any($3)"""

Span = tuple[datetime, datetime]
_ROUNDING: Final = timedelta(milliseconds=1)


@dataclass
class Rows:
    """Rows of `ai_events`, read as the application's role; waits for a database that restarts."""

    url: str
    cameras: Collection[UUID]
    _connection: Connection | None = None

    async def within(self, span: Span) -> list[Row]:
        """All rows of the cameras in a span of event time. Raises ServicesFailed after a minute."""
        loop = asyncio.get_running_loop()
        until = loop.time() + AWAY_MAX_S
        while True:
            try:
                return [row async for row in self._read(span)]
            except AWAY as error:
                log.warning("the database does not answer: %s", error)
                await self.close()
                if loop.time() > until:
                    text = f"the database went away and did not come back ({type(error).__name__})"
                    raise ServicesFailed(text) from error
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Lets go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _read(self, span: Span) -> AsyncIterator[Row]:
        if self._connection is None:
            self._connection = await connect(self.url, name="vidette-demo")
        begin, end = span[0] - _ROUNDING, span[1] + _ROUNDING
        async with self._connection.transaction(readonly=True):
            cursor = self._connection.cursor(ROWS, begin, end, self.cameras, prefetch=FETCHED)
            async for row in cursor:
                yield Row(*row)


@dataclass
class Log:
    """Committed records of the outcome topics, from the moment of `begin` on."""

    cluster: Cluster
    told: Callable[[AiEvent], None] = lambda _: None
    logged: Logged = field(default_factory=Logged)

    async def begin(self) -> None:
        """Stands at the end of every partition when it returns; what is published later is seen."""
        names = (AI_EVENTS.name, AI_INFERENCES.name, DEAD_LETTERS.name)
        self._consumer = AIOKafkaConsumer(
            *[self.cluster.named(name) for name in names],
            **self.cluster.aiokafka(),
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
        )
        try:
            await self._consumer.start()
            ends = await self._consumer.end_offsets(self._consumer.assignment())
        except (KafkaError, OSError) as error:
            await self._consumer.stop()
            text = f"Kafka at {self.cluster.bootstrap_servers} does not answer: {error}"
            raise ServicesFailed(text) from error
        for partition, end in ends.items():
            self._consumer.seek(partition, end)

    async def run(self) -> None:
        """Reads until cancelled."""
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except KafkaError as error:
                log.warning("the log could not be read: %s", error)
                await asyncio.sleep(RETRY_S)
                continue
            for records in batches.values():
                for record in records:
                    self._take(record)

    async def caught_up(self) -> bool:
        """Whether it has read, in the end, what was in the log when it was asked."""
        try:
            async with asyncio.timeout(CAUGHT_UP_MAX_S):
                ends = await self._consumer.end_offsets(self._consumer.assignment())
                for partition, end in ends.items():
                    while await self._consumer.position(partition) < end:  # noqa: ASYNC110  # it tells nobody
                        await asyncio.sleep(POLL_MS / 1000)
        except (KafkaError, OSError) as error:
            log.warning("the log could not be read to its end: %s", error)
            return False
        return True

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._consumer.stop()

    def _take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        id_ = _id(record)
        if id_ is None:
            return
        topic = self.cluster.catalogued(record.topic)
        if topic == AI_INFERENCES.name:
            self.logged.inferences[id_] += 1
        elif topic == DEAD_LETTERS.name:
            self.logged.letters[id_] += 1
        else:
            self.logged.outcomes[id_] += 1
            self._tell(record.value)

    def _tell(self, value: bytes | None) -> None:
        try:
            self.told(AI_EVENTS.codec.decode(value))
        except Undecodable as error:
            log.warning("an outcome of another version: %s", error)


def _id(record: "ConsumerRecord[bytes, bytes]") -> UUID | None:
    """The CloudEvents id; None when the header is missing or is nobody's id of ours."""
    value = next((value for name, value in record.headers if name == CE_ID), None)
    try:
        return UUID((value or b"").decode("ascii"))
    except ValueError:  # UnicodeDecodeError is one too
        return None
