"""The read model in PostgreSQL: rows and the log's positions in one transaction.

So nothing is lost between the two, and nothing is done twice. A ledger row per partition holds the
next offset and an epoch. A claim raises the epoch, every write compares it: whoever held the
partition before, and does not know it yet, can't write any more. Any trouble in the write path
throws the connection away; what became of the last batch stands in the ledger, and the next claim
reads it there.

One row that the database refuses fails its whole batch, and only that: nothing of it is written.
Finding the row, by writing smaller batches, is the caller's work, who alone knows the records.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import asyncpg

from connectors.postgres.connection import READ_MODEL, Connection, Prepared, connect
from connectors.postgres.statement import Table, arrays, ledger, statement
from streams.projection.ports import (
    LedgerLost,
    Log,
    ProjectionBatch,
    ReadModelAway,
    ReadModelError,
    ReadModelMissing,
    RowRefused,
    check,
    slice_of,
)
from streams.records import Partition

TIMEOUT_S: Final = 30.0
DAYS_AHEAD: Final = timedelta(days=14)
"""For so long partitions are there before their day comes."""

LEDGER_LOST: Final = "VD001"
"""Raised by the function `ledger_lost` in the database."""

DATA_AT_FAULT: Final = ("22", "23", "54")
"""Classes of SQLSTATE: data exception, constraint violation, limit exceeded (nested too deeply)."""

MISSING: Final = ("42P01", "42883", "3F000")
"""No such table, function or schema."""

CLAIM: Final = """
insert into projection_offsets as l (topic, part, topic_id, epoch, next)
select topic, part, topic_id, 1, first
from unnest($1::text[], $2::int[], $3::text[], $4::bigint[]) as u (topic, part, topic_id, first)
order by topic, part
on conflict (topic, part) do update set epoch = l.epoch + 1
returning topic, part, topic_id, epoch, next
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A partition as we claimed it."""

    topic_id: str
    epoch: int


@dataclass
class Slice:
    """One connection, its prepared statements, and what was claimed through it."""

    url: str
    schema: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: dict[Partition, Held] = field(default_factory=dict)
    _connection: Connection | None = None
    _prepared: dict[tuple[str, ...], Prepared] = field(default_factory=dict)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The connection, for one caller at a time; errors come out translated.

        Raises ReadModelError.
        """
        async with self.lock:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    if self._connection is None:
                        self._connection = await connect(
                            self.url, schema=self.schema, name="vidette-projection"
                        )
                    yield self._connection
            except ReadModelError:
                raise
            except asyncpg.PostgresError as error:
                raise self._translated(error) from error
            except Exception as error:
                # asyncpg raises errors of its own machinery when a server dies: none is harmless.
                self.discard()
                raise ReadModelAway(_sentence(error)) from error
            except BaseException:
                self.discard()  # cancelled in the middle of something
                raise

    async def prepared(self, connection: Connection, tables: tuple[Table, ...]) -> Prepared:
        """The statement for rows of these tables, prepared once."""
        names = tuple(table.name for table in tables)
        found = self._prepared.get(names)
        if found is None:
            found = self._prepared[names] = await connection.prepare(statement(tables))
        return found

    def discard(self) -> None:
        """Drops the connection at once, and with it all that was claimed through it."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None
        self._prepared.clear()
        self.held.clear()

    def _translated(self, error: asyncpg.PostgresError) -> ReadModelError:
        state = getattr(error, "sqlstate", None) or ""
        if state == LEDGER_LOST:
            return LedgerLost(str(error))
        if state.startswith(DATA_AT_FAULT):
            return RowRefused(_sentence(error))
        self.discard()
        if state in MISSING:
            return ReadModelMissing(f"{error}: run `./vidette migrate`")
        return ReadModelAway(_sentence(error))


class Sink:
    """Implements `streams.projection.ports.ReadModel`; connects when first needed."""

    def __init__(self, url: str, *, slices: int = 2, schema: str = READ_MODEL) -> None:
        self._slices = [Slice(url, schema) for _ in range(slices)]

    @property
    def slices(self) -> int:
        """How many batches may be written at once."""
        return len(self._slices)

    async def claim(self, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        """See the port."""
        by_slice: dict[int, dict[Partition, Log]] = defaultdict(dict)
        for partition, log in logs.items():
            by_slice[slice_of(partition, self.slices)][partition] = log
        offsets: dict[Partition, int] = {}
        for number, share in by_slice.items():
            offsets |= await self._claim(self._slices[number], share)
        return offsets

    async def _claim(self, part: Slice, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        columns = [(key.topic, key.number, log.topic_id, log.first) for key, log in logs.items()]
        async with part.connection() as connection, connection.transaction():
            rows = await connection.fetch(CLAIM, *map(list, zip(*columns, strict=True)))
            claimed = {Partition(row["topic"], row["part"]): row for row in rows}
            for partition, row in claimed.items():
                check(partition, row["next"], row["topic_id"], logs[partition])
        for partition, row in claimed.items():
            part.held[partition] = Held(row["topic_id"], row["epoch"])
        return {partition: int(row["next"]) for partition, row in claimed.items()}

    async def write(self, batch: ProjectionBatch) -> None:
        """See the port."""
        if not batch.moves:
            return
        part = self._slice(batch)
        tables, columns = arrays(batch.rows)
        async with part.connection() as connection:
            held = [part.held.get(partition) for partition in batch.moves]
            owned = [(one.topic_id, one.epoch) for one in held if one is not None]
            if len(owned) < len(held):
                raise LedgerLost("a partition of the batch is not claimed (any more)")
            prepared = await part.prepared(connection, tables)
            await prepared.fetchval(*ledger(batch, owned), *columns)

    def _slice(self, batch: ProjectionBatch) -> Slice:
        numbers = {slice_of(partition, self.slices) for partition in batch.moves}
        if len(numbers) > 1:
            text = f"a batch is for partitions of one slice; got slices {sorted(numbers)}"
            raise ValueError(text)
        return self._slices[numbers.pop()]

    async def ensure_partitions(self, first: date, last: date) -> int:
        """Makes the day partitions that are missing, both ends included; returns how many tables.

        Raises ReadModelAway, ReadModelMissing.
        """
        async with self._slices[0].connection() as connection:
            made = await connection.fetchval("select ensure_partitions($1, $2)", first, last)
        return int(made)

    async def close(self) -> None:
        """Lets go of the connections."""
        for part in self._slices:
            part.discard()


def _sentence(error: Exception) -> str:
    """What happened in one line; never a value of a row, which may be anything."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]
