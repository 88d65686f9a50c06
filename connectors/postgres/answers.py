"""Earlier answers, asked for in the read model; who does not answer in time knows nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from connectors.postgres.connection import Connection
from connectors.postgres.pool import ReadPool, fetch
from connectors.postgres.tables import AI_EVENTS, ANSWERS
from schemas.attempts import Answer
from schemas.outcomes import Earlier
from streams.providers.layers import (
    DISTANCE_MAX,
    NEARBY,
    NEARBY_MAX,
    Cleared,
    EarlierAnswer,
    told,
)

log = logging.getLogger(__name__)

ASK_TIMEOUT_S: Final = 1.0
CANDIDATES_MAX: Final = 500
"""Of one camera and kind, the newest ones are compared."""

NEAREST: Final = """
with candidates as (
  select * from answers
  where camera_id = $2 and kind = $3 and created_at >= $4 and cache_type is null
    and cardinality(dhashes) > 0
  order by created_at desc limit $5
), compared as (
  select c.*, (
    select avg(nearest) from (
      select min(bit_count(('x' || ours)::bit(64) # ('x' || theirs)::bit(64))) as nearest
      from unnest($1::text[]) as ours cross join unnest(c.dhashes) as theirs
      group by ours) as each)::float8 as distance
  from candidates c)
select * from compared where distance <= $6 order by distance, created_at desc limit 1
"""

T = TypeVar("T")


class PostgresAnswers:
    """Implements `streams.providers.layers.Answers`."""

    def __init__(self, pool: ReadPool, cleared: Cleared) -> None:
        self._pool = pool
        self._cleared = cleared

    async def same(self, key: str, kind: str, since: datetime) -> EarlierAnswer | None:
        """See the port."""
        column, since = ANSWERS.c, max(since, self._cleared(kind))
        query = (
            sa.select(ANSWERS)
            .where(column.content_key == key, column.kind == kind)
            .where(column.created_at >= since, column.cache_type.is_(None))
            .order_by(column.created_at.desc())
            .limit(1)
        )

        async def asked(connection: Connection) -> EarlierAnswer | None:
            rows = await fetch(connection, query)
            return _earlier(rows[0]) if rows else None

        return await self._asked(asked, None)

    async def similar(
        self, camera_id: UUID, kind: str, hashes: Sequence[str], since: datetime
    ) -> EarlierAnswer | None:
        """See the port."""
        since = max(since, self._cleared(kind))

        async def asked(connection: Connection) -> EarlierAnswer | None:
            row = await connection.fetchrow(
                NEAREST, list(hashes), camera_id, kind, since, CANDIDATES_MAX, DISTANCE_MAX
            )
            return _earlier(row, row["distance"]) if row else None

        return await self._asked(asked, None)

    async def nearby(self, camera_id: UUID, before: datetime) -> Sequence[str]:
        """See the port."""
        column = AI_EVENTS.c
        query = (
            sa.select(column.timestamp, column.description)
            .where(column.camera_id == camera_id, column.outcome == "described")
            .where(column.timestamp < before, column.timestamp >= before - NEARBY)
            .order_by(column.timestamp.desc())
            .limit(NEARBY_MAX)
        )

        async def asked(connection: Connection) -> Sequence[str]:
            rows = await fetch(connection, query)
            return [told(before - row["timestamp"], row["description"]) for row in reversed(rows)]

        return await self._asked(asked, ())

    async def _asked(self, ask: Callable[[Connection], Awaitable[T]], nothing: T) -> T:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S), self._pool.connection() as connection:
                return await ask(connection)
        except Exception as error:  # noqa: BLE001  # the port's promise: this never raises
            log.warning("earlier answers could not be asked for: %s", type(error).__name__)
            return nothing


def _earlier(row: asyncpg.Record, distance: float | None = None) -> EarlierAnswer:
    return EarlierAnswer(
        Earlier(
            cache_type="content" if distance is None else "similar",
            outcome_id=row["outcome_id"],
            answered_at=row["created_at"],
            distance=distance or 0.0,
        ),
        msgspec.json.decode(row["answer"], type=Answer),
        row["model"],
        row["provider"],
        row["prompt_version"],
    )
