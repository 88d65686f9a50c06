"""The real projection step against raw inserts: how fast records of the log become rows.

Ours begins at records that lie in the log and ends when the last row is committed, with all that
the step does. Raw are prepared rows in memory, sent by `unnest` in batches of the same size over as
many connections: no ledger, no check for repeats, no foreign key, no roll-up. `sink` gives raw the
same columns and indexes as ours, `sink-bare` only the nine columns that were asked for, no index.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Final, TypeVar

import uvloop

from agents.record_inference import RecordInference
from agents.runtime.guard import Guard
from agents.runtime.projection import ProjectionRuntime
from connectors.clock import SystemClock
from connectors.journal.mapped import MappedJournal
from connectors.kafka.log.history import History
from connectors.kafka.polling import Subscription
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.reader import GroupReader
from connectors.media.folder import FolderStore
from connectors.metrics.prometheus import PrometheusMeter
from connectors.postgres.connection import Connection, Prepared, connect
from connectors.postgres.rebuild import drop
from connectors.postgres.sink import Sink
from connectors.postgres.statement import EVENTS, Arrays
from infra.bench.events import inference, produce, registry
from infra.bench.place import Place
from infra.bench.rounds import Bench, Run, timed
from infra.bench.transform import collecting_rarely
from infra.migrate import migrate, role_of
from infra.running import PROJECTION_BATCH_MAX
from streams import wire
from streams.projection.folding import fold
from streams.projection.ports import ProjectionBatch, slice_of
from streams.projection.project import PROJECTED
from streams.projection.rows import EventRow, Rows
from streams.records import Partition, Received
from streams.steps import Projection
from streams.topics import AI_INFERENCES

R = TypeVar("R")

SLICES: Final = 2
RAW_BATCH_ROWS: Final = PROJECTION_BATCH_MAX // SLICES
BARE_COLUMNS: Final = 9

RAW_INDEXES: Final = (
    'alter table raw.events add primary key (id, "timestamp")',
    'create index on raw.events (camera_id, "timestamp")',
    'create index on raw.events (model_id, "timestamp")',
    "create index on raw.events (camera_id, model_id)",
    'create index on raw.events ("timestamp")',
)
"""Those of `ai_events`."""


@contextmanager
def sink(place: Place, events: int) -> Iterator[Bench]:
    """Each run writes the same rows into tables of its own."""
    yield _bench(place, events, len(EVENTS.columns), RAW_INDEXES)


@contextmanager
def sink_bare(place: Place, events: int) -> Iterator[Bench]:
    """The same, against a table that has less of everything."""
    yield _bench(place, events, BARE_COLUMNS, ())


def _bench(place: Place, events: int, columns: int, indexes: Sequence[str]) -> Bench:
    record(place, events)
    batches = in_loop(_batches(place, columns))
    runs = count()

    def ours() -> Run:
        with collecting_rarely():
            return in_loop(projected(place, events, f"sink_{next(runs)}"))

    def raw() -> Run:
        with collecting_rarely():
            return in_loop(_raw(place, batches, indexes))

    return Bench(ours, raw)


def record(place: Place, events: int) -> None:
    """Puts inferences into the log, as `record_inference` does."""
    place.say(f"recording {events:,} inferences")
    agent = RecordInference(registry())
    outputs = (agent(Received(inference(number)))[0] for number in range(events))
    produce(place.cluster, (wire.encoded("record_inference", output) for output in outputs))


def in_loop(work: Coroutine[object, object, R]) -> R:
    """In an event loop as workers have it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def fresh(place: Place, schema: str) -> AsyncIterator[None]:
    """Tables under this name, and none of them afterwards."""
    url = place.endpoints.database_admin_url
    await migrate(url, application_role=role_of(place.endpoints.database_url), schema=schema)
    connection = await connect(url)
    try:
        yield
    finally:
        await drop(connection, schema)
        await connection.close()


class TimedSink(Sink):
    """A sink that knows how long each of its writes took, to the commit."""

    def __init__(self, url: str, *, schema: str) -> None:
        super().__init__(url, slices=SLICES, schema=schema)
        self.took_ms: list[float] = []

    async def write(self, batch: ProjectionBatch) -> None:
        """As any sink."""
        began = time.monotonic()
        await super().write(batch)
        self.took_ms.append((time.monotonic() - began) * 1000)


async def projected(place: Place, events: int, schema: str) -> Run:
    """From the first batch to the last commit."""
    into = TimedSink(place.endpoints.database_url, schema=schema)
    step = Projection(name=schema, reads=PROJECTED, into=into)
    topics = tuple(topic.name for topic in step.reads)
    subscription = Subscription(step.name, topics, PROJECTION_BATCH_MAX, ledger=True)
    reader = GroupReader(place.cluster, subscription, _no_lag)
    letters, media = KafkaPublisher(place.cluster), FolderStore(place.settings.media)
    journal = MappedJournal(place.settings.folder / "journal")
    runtime = ProjectionRuntime(
        step, reader, letters, media, PrometheusMeter(), SystemClock(), Guard(journal)
    )
    async with fresh(place, schema):
        await reader.start_polling()
        try:
            batch = await reader.take()
            while not batch.records:
                await runtime.handle(batch)
                batch = await reader.take()
            began, cpu_s, done = time.monotonic(), time.process_time(), 0
            while True:
                await runtime.handle(batch)
                done += len(batch.records)
                if done >= events:
                    break
                batch = await reader.take()
            await runtime.drain()
            seconds, spent_s = time.monotonic() - began, time.process_time() - cpu_s
        finally:
            await runtime.stop()
            await reader.close()
            await into.close()
            journal.close()
    return timed(done, seconds, spent_s, into.took_ms)


def _no_lag(_partition: Partition, _lag: int) -> None:
    """Nobody looks."""


async def _batches(place: Place, columns: int) -> list[list[Arrays]]:
    """The rows of the log, for each connection in batches, as parameters of an insert."""
    history = History(place.cluster, (AI_INFERENCES.name,))
    spans = {part: (log.first, log.end or 0) for part, log in (await history.logs()).items()}
    held = [Rows() for _ in range(SLICES)]
    async for records in history.read(spans):
        for one in records:
            held[slice_of(one.partition, SLICES)].add(fold(PROJECTED, one).rows)
    return [
        [
            _parameters(rows.events[first : first + RAW_BATCH_ROWS], columns)
            for first in range(0, len(rows.events), RAW_BATCH_ROWS)
        ]
        for rows in held
    ]


def _parameters(rows: Sequence[EventRow], columns: int) -> Arrays:
    found: Arrays = []
    found.extend(zip(*rows, strict=True))
    for number, kind in enumerate(EVENTS.kinds[:columns]):
        if kind == "text[]":
            found[number] = ["{" + ",".join(row.labels) + "}" for row in rows]
    return found[:columns]


async def _raw(place: Place, batches: Sequence[Sequence[Arrays]], indexes: Sequence[str]) -> Run:
    columns = max(len(batch) for part in batches for batch in part)
    url = place.endpoints.database_admin_url
    admin = await connect(url)
    connections = [await connect(url, schema="raw") for _ in batches]
    try:
        insert = await _table(admin, columns, indexes)
        prepared = [await connection.prepare(insert) for connection in connections]
        began, cpu_s = time.monotonic(), time.process_time()
        await asyncio.gather(*map(_write_all, prepared, batches))
        seconds, spent_s = time.monotonic() - began, time.process_time() - cpu_s
        rows = await admin.fetchval("select count(*) from raw.events")
    finally:
        for connection in connections:
            await connection.close()
        await drop(admin, "raw")
        await admin.close()
    return timed(int(rows), seconds, spent_s)


async def _write_all(prepared: Prepared, batches: Sequence[Arrays]) -> None:
    for batch in batches:
        await prepared.fetchval(*batch)


async def _table(admin: Connection, columns: int, indexes: Sequence[str]) -> str:
    """Makes the table; returns what inserts into it."""
    kinds = EVENTS.kinds[:columns]
    defined = ", ".join(f'"{n}" {kind}' for n, kind in zip(EVENTS.columns, kinds, strict=False))
    await admin.execute(
        f"""create schema raw;
        create table raw.events ({defined}) partition by range ("timestamp");
        create table raw.all_days partition of raw.events
          for values from (minvalue) to (maxvalue)"""
    )
    for index in indexes:
        await admin.execute(index)
    wire = ("text" if kind == "text[]" else kind for kind in kinds)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(wire, 1))
    values = ", ".join(
        f'"{name}"::text[]' if kind == "text[]" else f'"{name}"'
        for name, kind in zip(EVENTS.columns, kinds, strict=False)
    )
    names = ", ".join(f'"{name}"' for name in EVENTS.columns[:columns])
    return f"insert into events select {values} from unnest({arrays}) as r ({names})"  # noqa: S608  # ours
