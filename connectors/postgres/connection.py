"""How each connection to the read model is set up: its schema, UTC, jsonb as the bytes it is."""

from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

if TYPE_CHECKING:  # asyncpg's classes are generic in its stubs only
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Prepared: TypeAlias = PreparedStatement[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool
    Prepared = PreparedStatement

READ_MODEL: Final = "read_model"
CONNECT_TIMEOUT_S: Final = 10.0

_JSONB_VERSION: Final = b"\x01"
"""PostgreSQL's binary jsonb is its text after one byte of version."""


def server_settings(schema: str, application_name: str) -> dict[str, str]:
    """What the server shall know of a connection; names in SQL stay unqualified."""
    return {
        "application_name": application_name,
        "search_path": f"{quoted(schema)}, pg_temp",
        "timezone": "UTC",
        "jit": "off",  # plans here are short; compiling them costs more than running them
    }


async def prepare(connection: Connection) -> None:
    """Passes jsonb through as JSON bytes, both ways."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_jsonb, decoder=_json, format="binary"
    )


async def connect(url: str, *, schema: str = READ_MODEL, name: str = "vidette") -> Connection:
    """One connection. Raises whatever asyncpg and the operating system raise."""
    settings = server_settings(schema, name)
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S, server_settings=settings)
    await prepare(connection)
    return connection


def quoted(name: str) -> str:
    """A name as SQL writes it, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def _jsonb(json: bytes) -> bytes:
    return _JSONB_VERSION + json


def _json(jsonb: bytes) -> bytes:
    return jsonb[1:]
