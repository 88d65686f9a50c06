"""Which outcomes are known to be in the log; a read model of another log does not count."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import asyncpg
import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from connectors.postgres.outcomes import KnownOutcomes
from connectors.postgres.pool import ReadPool
from connectors.postgres.sink import Sink
from infra.services.endpoints import Endpoints
from schemas.examples.stories import DESCRIBED, SKIPPED, UNDESCRIBED
from streams.projection.ports import Log, Move, ProjectionBatch
from streams.projection.project import Projected, project
from streams.projection.rows import Rows
from streams.records import Partition
from streams.topics import AI_EVENTS
from tests.embedded import fresh_cluster

PLACE = Partition(AI_EVENTS.name, 0)
HERE = Log("topic-a", 0, 2)
WANTED = (DESCRIBED.id, UNDESCRIBED.id, SKIPPED.id)


class Database(Protocol):
    url: str
    admin_url: str


@dataclass
class Broker:
    """Says what the log is, and counts how often it was asked."""

    log: Log | None = HERE
    asked: int = field(default=0, init=False)

    async def __call__(self) -> Mapping[Partition, Log]:
        self.asked += 1
        if self.log is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001  # a public name
        await asyncio.sleep(0)
        return {PLACE: self.log}


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[ReadPool]:
    opened = ReadPool(database.url)
    yield opened
    await opened.close()


async def recorded(database: Database, logs: Mapping[Partition, Log]) -> None:
    """Two outcomes of three are projected from this log."""
    rows = Rows()
    words: tuple[Projected, ...] = (DESCRIBED, UNDESCRIBED)
    for offset, word in enumerate(words):
        rows.add(project(word, word.timestamp, offset))
    sink = Sink(database.url)
    await sink.claim(logs)
    await sink.write(ProjectionBatch(rows, {PLACE: Move(0, 2)}))
    await sink.close()


async def test_known_are_those_that_are_recorded(database: Database, pool: ReadPool) -> None:
    await recorded(database, {PLACE: HERE})
    outcomes = KnownOutcomes(pool, Broker())

    assert await outcomes.known(WANTED) == {DESCRIBED.id, UNDESCRIBED.id}
    assert await outcomes.known([]) == frozenset()
    assert await outcomes.known([UUID(int=2**128 - 1)]) == frozenset()


@pytest.mark.parametrize("now", [Log("topic-b", 0, 2), Log("topic-a", 0, 1), None])
async def test_what_was_recorded_of_a_log_that_is_not_there_is_not_known(
    database: Database, pool: ReadPool, now: Log | None
) -> None:
    """The topic was made anew, or set back, or nobody can say."""
    await recorded(database, {PLACE: HERE})

    assert await KnownOutcomes(pool, Broker(now)).known(WANTED) == frozenset()


async def test_rows_without_a_ledger_are_not_known(database: Database, pool: ReadPool) -> None:
    await recorded(database, {PLACE: HERE})
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute("delete from read_model.projection_offsets")
    await connection.close()

    assert await KnownOutcomes(pool, Broker()).known(WANTED) == frozenset()


async def test_the_log_is_asked_about_repeats_only(database: Database, pool: ReadPool) -> None:
    await recorded(database, {PLACE: HERE})
    broker = Broker()
    outcomes = KnownOutcomes(pool, broker)

    await outcomes.known([SKIPPED.id])
    assert broker.asked == 0
    await outcomes.known([DESCRIBED.id])
    assert broker.asked == 1


async def test_after_kafka_was_lost_nothing_is_known(
    database: Database, pool: ReadPool, endpoints: Endpoints
) -> None:
    def history(cluster: Cluster) -> History:
        return History(cluster, (AI_EVENTS.name,))

    lost, new = history(fresh_cluster(endpoints)), history(fresh_cluster(endpoints))
    logs = await lost.logs()
    await recorded(database, {place: Log(log.topic_id) for place, log in logs.items()})

    async def as_long() -> Mapping[Partition, Log]:
        return {place: Log(log.topic_id, 0, 2) for place, log in (await new.logs()).items()}

    async def as_it_was() -> Mapping[Partition, Log]:
        return {place: Log(log.topic_id, 0, 2) for place, log in (await lost.logs()).items()}

    assert await KnownOutcomes(pool, as_it_was).known(WANTED) == {DESCRIBED.id, UNDESCRIBED.id}
    assert await KnownOutcomes(pool, as_long).known(WANTED) == frozenset()


async def test_it_never_raises_and_never_waits_long(database: Database, pool: ReadPool) -> None:
    away = ReadPool("postgresql://nobody@127.0.0.1:1/nothing")
    assert await KnownOutcomes(away, Broker()).known([DESCRIBED.id]) == frozenset()
    await away.close()

    connection = await asyncpg.connect(database.admin_url)
    async with connection.transaction():
        await connection.execute("lock table read_model.ai_events in access exclusive mode")
        began = time.monotonic()
        assert await KnownOutcomes(pool, Broker()).known([DESCRIBED.id]) == frozenset()
        assert time.monotonic() - began < 3
    await connection.close()
