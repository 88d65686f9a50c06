"""Rows come out of the tables as they went in, however few of their values travelled."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol
from uuid import UUID

import pytest
from msgspec import json, structs

from connectors.postgres.connection import connect
from connectors.postgres.sink import Sink
from connectors.postgres.statement import ATTEMPTS, CLIPS, DEVICES, EVENTS, Table
from schemas.examples.stories import ATTEMPT, DESCRIBED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import REGISTRATION
from streams.projection.ports import Log, Move, ProjectionBatch
from streams.projection.project import Projected, project
from streams.projection.rows import Rows
from streams.records import Partition

PLACE = Partition("ai.events.v1", 0)
AT = datetime(2026, 3, 14, 8, 0, 0, 123_000, tzinfo=UTC)
FAR = timezone(timedelta(hours=5, minutes=30))
MOMENTS = (
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=FAR),
    datetime(2099, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
)


class Database(Protocol):
    url: str


def rows_of(words: Sequence[Projected]) -> Rows:
    rows = Rows()
    for offset, word in enumerate(words):
        rows.add(project(word, AT, offset))
    return rows


async def written(database: Database, rows: Rows) -> None:
    sink = Sink(database.url)
    await sink.claim({PLACE: Log("a")})
    await sink.write(ProjectionBatch(rows, {PLACE: Move(0, 1)}))
    await sink.close()


async def read(database: Database, table: Table) -> set[tuple[object, ...]]:
    connection = await connect(database.url)
    names = ", ".join(f'"{name}"' for name in table.columns)
    found = await connection.fetch(f"select {names} from {table.name}")  # noqa: S608  # our names
    await connection.close()
    return comparable(table, [tuple(row) for row in found])


def comparable(table: Table, rows: Sequence[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """JSON as what it means, lists as tuples."""

    def plain(kind: str, value: object) -> object:
        if kind == "jsonb" and isinstance(value, bytes):
            return json.encode(json.decode(value), order="deterministic")
        return tuple(value) if isinstance(value, list) else value

    return {tuple(map(plain, table.kinds, row)) for row in rows}


async def test_every_column_of_every_table(database: Database) -> None:
    words = (DESCRIBED, UNDESCRIBED, SKIPPED, RECORDED, ATTEMPT, REGISTRATION)
    rows = rows_of(words)

    await written(database, rows)

    assert await read(database, EVENTS) == comparable(EVENTS, rows.events)
    assert await read(database, ATTEMPTS) == comparable(ATTEMPTS, rows.attempts)
    assert await read(database, CLIPS) == comparable(CLIPS, rows.clips)
    assert await read(database, DEVICES) == comparable(DEVICES, list(rows.devices))


@pytest.mark.parametrize("count", [1, 3])
async def test_columns_of_one_value_are_the_same_in_every_row(
    database: Database, count: int
) -> None:
    ids = [UUID(int=number) for number in range(count)]
    rows = rows_of([structs.replace(RECORDED, id=each) for each in ids])

    await written(database, rows)

    assert await read(database, EVENTS) == comparable(EVENTS, rows.events)


async def test_an_instant_is_the_same_instant_to_the_microsecond(database: Database) -> None:
    rows = rows_of([structs.replace(SKIPPED, timestamp=moment) for moment in MOMENTS])

    await written(database, rows)

    found = {row[EVENTS.columns.index("timestamp")] for row in await read(database, EVENTS)}
    assert found == set(MOMENTS)
