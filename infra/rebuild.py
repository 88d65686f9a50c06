"""Folds the log into fresh tables beside the live ones, compares the two, and swaps them.

The live tables are looked at in one snapshot, rows and ledger together; the log is folded up to
exactly that ledger, so equal checksums prove that the live tables are a fold of the log. Workers go
on all the while. Only at the end do they wait a moment: what they have written since is folded too,
the schemas change names in one transaction, and the workers' next write finds its partitions taken.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from agents.runtime.guard import Guard
from agents.runtime.projection import FOLDED_AT_ONCE
from agents.runtime.writes import Writes
from connectors.kafka.log.history import History
from connectors.postgres import rebuild as schemas
from connectors.postgres.connection import READ_MODEL, Connection, connect
from connectors.postgres.rebuild import Checksum, Still
from connectors.postgres.sink import DAYS_AHEAD, Sink
from infra.migrate import migrate, role_of
from streams.lanes import Progress
from streams.projection.folding import Folded, fold
from streams.projection.ports import Log, Move, ProjectionBatch, RowRefused, slice_of
from streams.projection.project import PROJECTED
from streams.projection.rows import Row, Rows, days_of
from streams.records import Partition, Record

FRESH: Final = f"{READ_MODEL}_next"
OLD: Final = f"{READ_MODEL}_old"
STEP: Final = "rebuild"
"""As its journal calls it."""

CATCH_UP_RECORDS: Final = 5_000
"""So few that workers may wait while they are folded."""

CATCH_UP_ROUNDS_MAX: Final = 20
DAYS_MAX: Final = 2_000
"""Days that get a partition of their own; the others' rows go to the default one."""


class RebuildFailed(Exception):  # noqa: N818  # what it says is what became of it
    """There was no rebuild, and nothing was swapped; the sentence says what to do."""


@dataclass(frozen=True)
class Databases:
    """The application's way into the database and the administrator's; never shown."""

    url: str = field(repr=False)
    admin_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """One table: what it holds live, and what the log says that it should hold."""

    table: str
    live: Checksum
    fresh: Checksum

    @property
    def equal(self) -> bool:
        """Whether both hold the same."""
        return self.live == self.fresh


@dataclass(frozen=True)
class Report:
    """What a rebuild found and did; `incomparable` says why nothing was compared."""

    tables: tuple[Compared, ...]
    incomparable: str | None
    swapped: bool
    records: int
    passed_over: int
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether the live tables were compared, and are a fold of the log."""
        return self.incomparable is None and all(table.equal for table in self.tables)


@dataclass
class Fold:
    """The log on its way into the fresh schema."""

    history: History
    sink: Sink
    guard: Guard = field(default_factory=Guard)
    positions: dict[Partition, int] = field(default_factory=dict)
    records: int = 0
    passed_over: int = 0
    _days: set[date] = field(default_factory=set)
    _writes: Writes = field(default_factory=Writes)

    def __post_init__(self) -> None:
        self._cursor = self.guard.cursor(STEP)

    async def claim(self) -> Mapping[Partition, Log]:
        """Takes all partitions from their beginning."""
        logs = await self.history.logs()
        self.positions = await self.sink.claim(logs)
        starts = {partition: Progress(first) for partition, first in self.positions.items()}
        ids = {partition.topic: log.topic_id for partition, log in logs.items()}
        self.guard.begins(STEP, starts, ids)
        return logs

    async def upto(self, ends: Mapping[Partition, int], say: Callable[[str], None]) -> None:
        """Folds all records below `ends`, and leaves the fresh ledger exactly there."""
        spans = {
            part: (first, ends[part]) for part, first in self.positions.items() if part in ends
        }
        told = time.monotonic()
        async for records in self.history.read(spans):
            await self._take(records)
            self.records += len(records)
            if time.monotonic() - told > 2:  # noqa: PLR2004  # seconds between two signs of life
                told = time.monotonic()
                say(f"{self.records} records folded")
        await self._writes.drain()
        for partition, end in ends.items():
            if self.positions.get(partition, end) < end:
                await self._write({partition: end}, [])

    async def stop(self) -> None:
        """Gives up what is not written."""
        await self._writes.stop()

    async def _take(self, records: Sequence[Record]) -> None:
        slices: dict[int, list[Folded]] = defaultdict(list)
        for first in range(0, len(records), FOLDED_AT_ONCE):
            for folded in await self._folded(records[first : first + FOLDED_AT_ONCE]):
                self.passed_over += folded.why is not None
                slices[slice_of(folded.record.partition, self.sink.slices)].append(folded)
            await asyncio.sleep(0)  # a slice that is done with its write goes on
        await self._make_room(row for part in slices.values() for one in part for row in one.rows)
        for number, part in slices.items():
            await self._writes.add(number, partial(self._halve, part))

    async def _folded(self, records: Sequence[Record]) -> list[Folded]:
        """Each is in the journal meanwhile: one that kills us is known to the next rebuild."""
        found: list[Folded] = []
        async with self.guard.batch(self._cursor, STEP, records, alone=True) as convicted:
            for record in records:
                self._cursor.mark(record.partition, record.offset)
                why = convicted.get((record.partition, record.offset))
                found.append(Folded(record, (), why) if why else fold(PROJECTED, record))
        return found

    async def _halve(self, folded: Sequence[Folded]) -> None:
        """Writes the records; of those with a row that the database refuses, all but that one."""
        ends = {(record := one.record).partition: record.offset + 1 for one in folded}
        try:
            await self._write(ends, folded)
        except RowRefused:
            if len(folded) > 1:
                middle = len(folded) // 2
                await self._halve(folded[:middle])
                await self._halve(folded[middle:])
            else:
                self.passed_over += 1
                await self._write(ends, [])

    async def _write(self, ends: Mapping[Partition, int], folded: Sequence[Folded]) -> None:
        rows = Rows()
        for one in folded:
            rows.add(one.rows)
        moves = {part: Move(self.positions[part], end) for part, end in ends.items()}
        await self.sink.write(ProjectionBatch(rows, moves))
        self.positions.update(ends)

    async def _make_room(self, rows: Iterable[Row]) -> None:
        """Day partitions for days of the past; the future's are made ahead, if it comes.

        No write is under way meanwhile: a row of that day would lie in the default partition.
        """
        latest = datetime.now(UTC).date() + DAYS_AHEAD
        missing = {day for day in days_of(rows) if day <= latest} - self._days
        if missing:
            await self._writes.drain()
        for day in sorted(missing)[: DAYS_MAX - len(self._days)]:
            self._days.add(day)
            await self.sink.ensure_partitions(day, day)


async def rebuild(
    databases: Databases,
    history: History,
    *,
    guard: Guard | None = None,
    accept: bool = False,
    keep_old: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Rebuilds the read model; swaps when it is equal, accepted, or had nothing to lose.

    Raises RebuildFailed, MigrationFailed, ReadModelError; Kafka's, asyncpg's, the system's errors.
    """
    began = time.monotonic()
    connection = await connect(databases.admin_url, name="vidette-rebuild")
    sink = Sink(databases.url, schema=FRESH)
    fold = Fold(history, sink, guard or Guard())
    try:
        if not await schemas.is_alone(connection):
            raise RebuildFailed("another rebuild is running: wait for its end")
        await _prepare(connection, databases, say)
        live = await schemas.still(connection, READ_MODEL)
        incomparable = await _begin(fold, live)
        logs = await history.logs()
        ends = _ends(live, logs) if incomparable is None else _whole(logs)
        say(f"folding {sum(ends.values()) - sum(fold.positions.values())} offsets of the log")
        await fold.upto(ends, say)
        fresh = await schemas.still(connection, FRESH)
        tables = tuple(
            Compared(table, live.checksums[table], fresh.checksums[table])
            for table in schemas.COMPARED
        )
        equal = incomparable is None and all(table.equal for table in tables)
        swapped = equal or accept or live.is_empty
        if swapped:
            await _swap(connection, fold, keep_old=keep_old, say=say)
    finally:
        await fold.stop()
        await sink.close()
        await connection.close()
    return Report(
        tables, incomparable, swapped, fold.records, fold.passed_over, time.monotonic() - began
    )


async def _prepare(
    connection: Connection, databases: Databases, say: Callable[[str], None]
) -> None:
    """An empty fresh schema; what an earlier rebuild left there is dropped."""
    await schemas.drop(connection, FRESH)
    role = role_of(databases.url)
    await migrate(databases.admin_url, application_role=role, schema=FRESH, say=say)


async def _begin(fold: Fold, live: Still) -> str | None:
    """Claims all partitions from their beginning; returns why live can't be compared, if so."""
    logs = await fold.claim()
    if live.is_empty:
        return "the live tables are empty or missing"
    if not live.ledger:
        return "the live tables have rows and no ledger"
    for partition, written in live.ledger.items():
        where = f"{partition.topic}, partition {partition.number}"
        log = logs.get(partition)
        if log is None or log.topic_id != written.topic_id:
            return f"{where} is not the log that the live tables were made from"
        if log.end is not None and written.next > log.end:
            return f"{where} ends at {log.end}, but the live tables go up to {written.next}"
    return None


def _ends(live: Still, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
    """Where the live ledger stands; partitions that it does not know stay unread."""
    known = live.ledger
    return {part: max(log.first, known[part].next) for part, log in logs.items() if part in known}


def _whole(logs: Mapping[Partition, Log]) -> dict[Partition, int]:
    return {partition: log.end for partition, log in logs.items() if log.end is not None}


async def _swap(
    connection: Connection, fold: Fold, *, keep_old: bool, say: Callable[[str], None]
) -> None:
    for _ in range(CATCH_UP_ROUNDS_MAX):
        ends = await _written_since(connection, fold)
        if sum(ends.values()) - sum(fold.positions[part] for part in ends) <= CATCH_UP_RECORDS:
            break
        await fold.upto(ends, say)
    await schemas.drop(connection, OLD)
    async with schemas.writers_waiting(connection, READ_MODEL):
        await fold.upto(await _written_since(connection, fold), say)
        await schemas.swap(connection, live=READ_MODEL, fresh=FRESH, old=OLD)
    if not keep_old:
        await schemas.drop(connection, OLD)


async def _written_since(connection: Connection, fold: Fold) -> dict[Partition, int]:
    """What workers wrote meanwhile, as far as it is of the log that we fold."""
    logs = await fold.history.logs()
    return {
        part: written.next
        for part, written in (await schemas.ledger(connection, READ_MODEL)).items()
        if part in logs
        and logs[part].topic_id == written.topic_id
        and fold.positions[part] < written.next <= (logs[part].end or 0)
    }
