"""Unfinished starts in PostgreSQL, in the schema of the workers' own state."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

import asyncpg

from connectors.postgres.connection import Connection, connect
from streams.poison.starts import Place, Start
from streams.ports import StoreAway
from streams.records import Partition

OPERATION: Final = "operation"
TIMEOUT_S: Final = 10.0
AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises when a server dies in mid-answer
)

ADD: Final = """
insert into unfinished_starts (step, topic, part, record_offset, topic_id, journal, alone, cause)
select * from unnest(
  $1::text[], $2::text[], $3::int[], $4::bigint[], $5::text[],
  $6::uuid[], $7::boolean[], $8::text[])
on conflict do nothing
"""
ALL: Final = """
select step, topic, part, record_offset, topic_id, journal, alone, cause
from unfinished_starts where step = any($1::text[])
"""
CLEAR: Final = """
delete from unfinished_starts s
using unnest($2::text[], $3::int[], $4::bigint[]) as u (topic, part, reached)
where s.step = $1 and s.topic = u.topic and s.part = u.part and s.record_offset < u.reached
"""
FORGET: Final = "delete from unfinished_starts where noted_at < now() - interval '30 days'"
"""What nobody came back to: its group was set elsewhere, or its topic is no more."""


class PostgresStarts:
    """Implements `streams.poison.starts.StartsStore`; connects when asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def add(self, starts: Collection[Start]) -> None:
        """Keeps them; a start that is there already stays one."""
        if not starts:
            return
        rows = [(*_where(start.place), start.journal, start.alone, start.cause) for start in starts]
        await self._do(ADD, *map(list, zip(*rows, strict=True)))
        await self._do(FORGET)

    async def all(self, steps: Collection[str]) -> Collection[Start]:
        """Those of these steps."""
        rows = await self._do(ALL, list(steps))
        return [
            Start(Place(step, Partition(topic, part), offset, topic_id), *found)
            for step, topic, part, offset, topic_id, *found in rows
        ]

    async def clear(self, step: str, finished: Mapping[Partition, int]) -> None:
        """Forgets those below the offsets."""
        topics, parts = [p.topic for p in finished], [p.number for p in finished]
        await self._do(CLEAR, step, topics, parts, list(finished.values()))

    async def close(self) -> None:
        """Ends the connection."""
        connection, self._connection = self._connection, None
        if connection:
            connection.terminate()

    async def _do(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await connect(self._url, schema=OPERATION)
                    return await self._connection.fetch(statement, *arguments)
            except AWAY as error:
                await self.close()
                text = f"unfinished starts: {str(error) or type(error).__name__}"
                raise StoreAway(text) from error


def _where(place: Place) -> tuple[str, str, int, int, str]:
    return (
        place.step,
        place.partition.topic,
        place.partition.number,
        place.offset,
        place.topic_id,
    )
