"""Two schemas with the same tables, the live one and the fresh one: compared, and then swapped."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from connectors.postgres.connection import Connection, quoted
from connectors.postgres.tables import METADATA
from streams.records import Partition

COMPARED: Final = (
    "devices",
    "ai_events",
    "provider_attempts",
    "clips",
    "answers",
    "events_per_hour",
)
ONE_AT_A_TIME: Final = "select pg_try_advisory_lock(hashtextextended('vidette rebuild', 0))"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a table holds: its rows (of a roll-up: their sum), and their hashes added up.

    A sum does not ask for order, so partitions and the way rows came in make no difference.
    """

    rows: int
    total: str


@dataclass(frozen=True, slots=True)
class Written:
    """Up to where a ledger says that a partition is written, and of which topic."""

    topic_id: str
    next: int


Ledger = Mapping[Partition, Written]
Checksums = Mapping[str, Checksum]


@dataclass(frozen=True)
class Still:
    """A schema at one moment: its ledger, and the checksums that belong to it."""

    ledger: Ledger
    checksums: Checksums

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be lost."""
        return not self.ledger and not any(each.rows for each in self.checksums.values())


async def still(connection: Connection, schema: str) -> Still:
    """The schema as one snapshot shows it: writers commit rows and ledger together, so they agree.

    A schema, a table or a column that is missing counts as empty or different, never as an error.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        checksums = {table: await _checksum(connection, schema, table) for table in COMPARED}
        return Still(await ledger(connection, schema), checksums)


async def ledger(connection: Connection, schema: str) -> Ledger:
    """What is written, by partition; nothing when there is no ledger."""
    if not await exists(connection, schema, "projection_offsets"):
        return {}
    query = f"select topic, part, topic_id, next from {quoted(schema)}.projection_offsets"  # noqa: S608  # quoted
    return {
        Partition(row["topic"], row["part"]): Written(row["topic_id"], row["next"])
        for row in await connection.fetch(query)
    }


async def exists(connection: Connection, schema: str, table: str) -> bool:
    """Whether the schema has this table."""
    name = f"{quoted(schema)}.{quoted(table)}"
    return await connection.fetchval("select to_regclass($1)", name) is not None


async def _checksum(connection: Connection, schema: str, table: str) -> Checksum:
    if not await exists(connection, schema, table):
        return Checksum(0, "0")
    there = await connection.fetch(
        "select column_name from information_schema.columns "
        "where table_schema = $1 and table_name = $2",
        schema,
        table,
    )
    names = {row[0] for row in there}
    table_columns = [column.name for column in METADATA.tables[table].columns]
    columns = [name for name in table_columns if name in names]
    rows = "coalesce(sum(r.n), 0)" if "n" in columns else "count(*)"
    listed = ", ".join(map(quoted, columns))
    found = await connection.fetchrow(
        f"select {rows} as n, coalesce(sum(hashtextextended(r::text, 0)), 0)::text as total "  # noqa: S608  # quoted
        f"from (select {listed} from {quoted(schema)}.{quoted(table)}) r"
    )
    return Checksum(int(found["n"]), found["total"]) if found else Checksum(0, "0")


async def is_alone(connection: Connection) -> bool:
    """Whether no other rebuild runs; none begins until the connection is closed."""
    return bool(await connection.fetchval(ONE_AT_A_TIME))


@asynccontextmanager
async def writers_waiting(connection: Connection, schema: str) -> AsyncIterator[None]:
    """A transaction during which nobody else writes to the schema; a swap may be part of it."""
    async with connection.transaction():
        if await exists(connection, schema, "projection_offsets"):
            offsets = f"{quoted(schema)}.projection_offsets"
            await connection.execute(f"lock table {offsets} in exclusive mode")
        yield


async def swap(connection: Connection, *, live: str, fresh: str, old: str) -> None:
    """Gives the fresh schema the live one's name, inside `writers_waiting`.

    Epochs are raised in both ledgers: a writer that waited for our lock, and everybody after it,
    finds that its partitions were taken, and claims them again where the fresh ledger stands.
    """
    if await exists(connection, live, "projection_offsets"):
        before, after = (f"{quoted(schema)}.projection_offsets" for schema in (live, fresh))
        await connection.execute(
            f"update {after} f set epoch = greatest(f.epoch, l.epoch) + 1 from {before} l "  # noqa: S608  # quoted
            "where l.topic = f.topic and l.part = f.part"
        )
        await connection.execute(f"update {before} set epoch = epoch + 1")  # noqa: S608  # quoted
    if await connection.fetchval("select to_regnamespace($1)", quoted(live)):
        await _rename(connection, live, old)
    await _rename(connection, fresh, live)


async def _rename(connection: Connection, schema: str, name: str) -> None:
    await connection.execute(f"alter schema {quoted(schema)} rename to {quoted(name)}")
    ensure = f"{quoted(name)}.ensure_partitions(date, date)"
    if await connection.fetchval("select to_regprocedure($1)", ensure):
        # Its pinned search path is a text, and still says the name of before.
        path = f"{quoted(name)}, pg_temp"
        await connection.execute(f"alter function {ensure} set search_path = {path}")


async def drop(connection: Connection, schema: str) -> None:
    """Drops a schema, if it is there, with all that is in it.

    A writer of before a swap may still be at its tables. Each takes the ledger first; so do we, or
    the two would wait for each other.
    """
    async with connection.transaction():
        if await exists(connection, schema, "projection_offsets"):
            offsets = f"{quoted(schema)}.projection_offsets"
            await connection.execute(f"lock table {offsets} in access exclusive mode")
        await connection.execute(f"drop schema if exists {quoted(schema)} cascade")
