"""The one statement that writes a batch: the ledger's compare-and-set, rows and roll-ups together.

Columns travel as arrays and become rows by `unnest`, so a batch is one round trip and one commit.
Which tables a batch has rows for is part of the statement's text; there are at most 32 texts, and
each connection prepares those that it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final, cast

from streams.projection.ports import ProjectionBatch
from streams.projection.rows import AnswerRow, AttemptRow, ClipRow, DeviceRow, EventRow, Rows

Arrays = list[Sequence[object]]
Texts = tuple[str, ...]

MILLENNIUM: Final = datetime(2000, 1, 1, tzinfo=UTC)

TRAVELS_AS: Final = {"text[]": "text", "timestamptz": "interval"}
"""`unnest` would flatten an array of arrays. Of instants, asyncpg first asks each for its zone:
spans, since 2000, go through in half the time.
"""


@dataclass(frozen=True)
class Table:
    """A table, the columns of its row, their types separated by blanks, and what writes it.

    `{columns}`, `{values}` and `{source}` in `sql` are filled in.
    """

    name: str
    columns: tuple[str, ...]
    types: str
    sql: str
    steady: frozenset[str] = frozenset()
    """Columns without nulls that often hold one value in a whole batch, which then travels once."""

    def __post_init__(self) -> None:
        if len(self.kinds) != len(self.columns):
            text = f"{self.name}: {len(self.columns)} columns and {len(self.kinds)} types"
            raise ValueError(text)

    @property
    def kinds(self) -> list[str]:
        """The types, one per column."""
        return self.types.split()

    def reading(self, first: int) -> str:
        """The rows as a FROM item over the parameters from `first` on."""
        wire = (TRAVELS_AS.get(kind, kind) for kind in self.kinds)
        arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(wire))
        values = ", ".join(self._value(n, first) for n in range(len(self.columns)))
        return f"(select {values} from unnest({arrays}) as u ({self._names})) as r"  # noqa: S608  # our own names

    def writing(self, first: int) -> str:
        """Its part of the statement."""
        values = ", ".join(f'r."{name}"' for name in self.columns)
        return self.sql.format(columns=self._names, values=values, source=self.reading(first))

    @property
    def _names(self) -> str:
        return ", ".join(f'"{name}"' for name in self.columns)

    def _value(self, n: int, first: int) -> str:
        name, kind = self.columns[n], self.kinds[n]
        if name in self.steady:
            return f'coalesce(u."{name}", (${first + n}::{kind}[])[1]) as "{name}"'
        if kind == "timestamptz":
            return f'timestamptz \'2000-01-01 00:00+00\' + u."{name}" as "{name}"'
        return f'u."{name}"::text[]' if kind == "text[]" else f'u."{name}"'

    def parameters(self, rows: Sequence[tuple[object, ...]]) -> Arrays:
        """The columns of at least one row.

        `unnest` fills short arrays up with nulls: of nulls alone, and of all but the first value of
        a steady column, none need to travel.
        """
        columns: Arrays = []
        for name, kind, values in zip(
            self.columns, self.kinds, zip(*rows, strict=True), strict=True
        ):
            if kind == "text[]":
                columns.append([_literal(texts) for texts in cast("tuple[Texts, ...]", values)])
            elif kind == "timestamptz":
                columns.append([time - MILLENNIUM for time in cast("tuple[datetime, ...]", values)])
            elif values[0] is None and values.count(None) == len(values):
                columns.append(())
            elif name in self.steady and values.count(values[0]) == len(values):
                columns.append(values[:1])
            else:
                columns.append(values)
        return columns


# Devices come first: it is the order in which `ensure_partitions` takes its locks. Sorted by id,
# two writers who meet the same new cameras wait for each other instead of deadlocking.
DEVICES: Final = Table(
    "devices",
    DeviceRow._fields,
    "uuid text text text text text text bool bool bigint jsonb timestamptz",
    """mentioned as (
  insert into devices as d ({columns})
  select {values} from {source}
  where r.registered or not exists (
    select from devices k where k.id = r.id and (
      k.registered
      or (k.created_at, k.source collate "C", k.source_id collate "C")
        <= (r.created_at, r.source, r.source_id)))
  order by r.id
  on conflict (id) do update set
    kind = excluded.kind, source = excluded.source, source_id = excluded.source_id,
    name = excluded.name, site = excluded.site, privacy = excluded.privacy,
    registered = excluded.registered, removed = excluded.removed,
    registry_version = excluded.registry_version, settings = excluded.settings,
    created_at = excluded.created_at
  where case when excluded.registered
    then d.registry_version is null or excluded.registry_version > d.registry_version
    else d.registry_version is null
      and (excluded.created_at, excluded.source collate "C", excluded.source_id collate "C")
        < (d.created_at, d.source, d.source_id)
    end)""",
)
EVENTS: Final = Table(
    "ai_events",
    EventRow._fields,
    "uuid uuid text timestamptz int jsonb float8 jsonb timestamptz uuid"
    " text text text text text text bool int text[] text",
    """inserted as (
  insert into ai_events ({columns}) select {values} from {source}
  on conflict do nothing
  returning camera_id, model_id, outcome, "timestamp"
), counted as (
  insert into events_per_hour as e (hour, camera_id, model_id, outcome, n)
  select date_trunc('hour', "timestamp", 'UTC'), camera_id, model_id, outcome, count(*)
  from inserted group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (hour, camera_id, model_id, outcome) do update set n = e.n + excluded.n)""",
    frozenset({"outcome", "degraded", "revision"}),
)
ATTEMPTS: Final = Table(
    "provider_attempts",
    AttemptRow._fields,
    "uuid timestamptz uuid uuid int int text text text text text text text text text text text[]"
    " float8"
    " int int int int int int numeric text text timestamptz timestamptz text",
    """attempted as (
  insert into provider_attempts ({columns}) select {values} from {source}
  on conflict do nothing)""",
)
CLIPS: Final = Table(
    "clips",
    ClipRow._fields,
    "uuid timestamptz uuid text text bigint float8 int int bool text jsonb jsonb bool timestamptz",
    """seen as (
  insert into clips ({columns}) select {values} from {source}
  on conflict do nothing)""",
)
ANSWERS: Final = Table(
    "answers",
    AnswerRow._fields,
    "uuid timestamptz uuid text text text[] text text text jsonb text uuid timestamptz",
    """given as (
  insert into answers ({columns}) select {values} from {source}
  on conflict do nothing)""",
)

LEDGER_PARAMETERS: Final = 6
MOVED: Final = """with moved as (
  update projection_offsets l set next = u.next
  from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    as u (topic, part, topic_id, epoch, since, next)
  where l.topic = u.topic and l.part = u.part
    and l.topic_id = u.topic_id and l.epoch = u.epoch and l.next = u.since
  returning l.part)"""
# `ledger_lost` raises, so the statement fails as a whole and no transaction block is needed.
VERDICT: Final = "select case when count(*) < cardinality($1) then ledger_lost() end from moved"


@cache
def statement(tables: tuple[Table, ...]) -> str:
    """The text for a batch that has rows for exactly these tables."""
    parts, first = [MOVED], LEDGER_PARAMETERS + 1
    for table in tables:
        parts.append(table.writing(first))
        first += len(table.columns)
    return ", ".join(parts) + "\n" + VERDICT


def arrays(rows: Rows) -> tuple[tuple[Table, ...], Arrays]:
    """The tables that there are rows for, and their columns one after the other."""
    by_table: tuple[tuple[Table, Sequence[tuple[object, ...]]], ...] = (
        (DEVICES, list(rows.devices)),
        (EVENTS, rows.events),
        (ATTEMPTS, rows.attempts),
        (CLIPS, rows.clips),
        (ANSWERS, rows.answers),
    )
    tables = tuple(table for table, present in by_table if present)
    columns: Arrays = []
    for table, present in by_table:
        if present:
            columns.extend(table.parameters(present))
    return tables, columns


def ledger(batch: ProjectionBatch, held: Sequence[tuple[str, int]]) -> Arrays:
    """The first parameters; `held` are topic id and epoch, in the order of the batch's moves."""
    moves = batch.moves
    return [
        [partition.topic for partition in moves],
        [partition.number for partition in moves],
        [topic_id for topic_id, _ in held],
        [epoch for _, epoch in held],
        [move.since for move in moves.values()],
        [move.next for move in moves.values()],
    ]


@lru_cache(maxsize=256)  # labels repeat; a thousand of them, all new, may take 200 KB
def _literal(texts: Texts) -> str:
    """Texts as PostgreSQL writes an array."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return "{" + ",".join([f'"{text}"' for text in quoted]) + "}"
