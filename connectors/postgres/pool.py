"""Connections for questions to the read model: opened when asked for, shared, bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from connectors.postgres.connection import (
    CONNECT_TIMEOUT_S,
    READ_MODEL,
    Connection,
    Pool,
    prepare,
    server_settings,
)
from streams.queries import Unavailable

QUERY_TIMEOUT_S: Final = 15.0
CONNECTIONS_MAX: Final = 8

AWAY: Final = ("08", "28", "3D", "3F", "53", "57", "58", "42P01")
"""SQLSTATEs of a database that can't be had now: gone, full, shutting down, not migrated."""

_DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # as SQLAlchemy types it


class ReadPool:
    """Up to `CONNECTIONS_MAX` connections; connects when asked."""

    def __init__(self, url: str, *, schema: str = READ_MODEL) -> None:
        self._url = url
        self._schema = schema
        self._opened: Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool. Raises Unavailable for whatever means that there is none."""
        try:
            pool = await self._pool()
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield cast("Connection", connection)  # a proxy that behaves like it
        except asyncpg.PostgresError as error:
            if not (getattr(error, "sqlstate", None) or "").startswith(AWAY):
                raise
            raise Unavailable("database", _said(error)) from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise Unavailable("database", _said(error)) from error  # TimeoutError is an OSError

    async def close(self) -> None:
        """Lets go of the connections."""
        if self._opened is not None:
            await self._opened.close()

    async def _pool(self) -> Pool:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=CONNECTIONS_MAX,
                    init=prepare,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=QUERY_TIMEOUT_S,
                    server_settings=server_settings(self._schema, "vidette-reads"),
                )
            return self._opened


async def fetch(
    connection: Connection, query: "sa.Select[tuple[object, ...]]"
) -> list[asyncpg.Record]:
    """What SQLAlchemy writes, asyncpg runs."""
    compiled = query.compile(dialect=_DIALECT)
    values = compiled.params
    return await connection.fetch(str(compiled), *(values[n] for n in compiled.positiontup or ()))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
