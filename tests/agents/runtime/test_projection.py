import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest

from agents.record_inference import RecordInference
from agents.runtime.projection import ProjectionRuntime
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from connectors.memory.read_model import MemoryReadModel, Store
from connectors.memory.reader import MemoryLedgerReader, MemoryLetters
from schemas.inferences import InferenceResult
from streams import wire
from streams.lanes import Batch, Encoded
from streams.projection.ports import LedgerBeyondLog, Log, ProjectionBatch, ReadModelAway, slice_of
from streams.projection.project import PROJECTED
from streams.records import Partition, Received
from streams.registry import Registry
from streams.steps import Projection
from streams.topics import AI_INFERENCES
from tests.agents.runtime.scene import NOON, FastClock, Tally, reasons


class Trouble(MemoryReadModel):
    """A read model that is away for the first writes, or loses its answer after them."""

    def __init__(self, store: Store, *, before: int = 0, after: int = 0) -> None:
        super().__init__(store)
        self.before = before
        self.after = after

    async def write(self, batch: ProjectionBatch) -> None:
        if self.before:
            self.before -= 1
            raise ReadModelAway("told to be away")
        await super().write(batch)
        if self.after:
            self.after -= 1
            raise ReadModelAway("written, and the answer lost")


class Stuck(MemoryReadModel):
    """A read model whose slice 0 writes when it is let go; `two` are rows of the other slice."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.let_go = asyncio.Event()
        self.two = asyncio.Event()

    async def write(self, batch: ProjectionBatch) -> None:
        if {slice_of(partition, self.slices) for partition in batch.moves} == {0}:
            await self.let_go.wait()
        await super().write(batch)
        if len(self.store.events) == 2:
            self.two.set()


@dataclass
class Bench:
    log: MemoryLog = field(default_factory=MemoryLog)
    store: Store = field(default_factory=Store)
    model: MemoryReadModel | None = None
    meter: Tally = field(default_factory=Tally)

    def record(self, *names: str, frame_id: int = 1, camera: str = "gate") -> None:
        agent = RecordInference(Registry())
        for name in names:
            result = InferenceResult(
                result_id=name,
                source="edge",
                camera_id=camera,
                timestamp=NOON,
                model_id="m",
                frame_id=frame_id,
            )
            for output in agent(Received(result)):
                self.log.append(wire.encoded("record_inference", output))

    def open(self) -> tuple[ProjectionRuntime, MemoryLedgerReader]:
        topics = [topic.name for topic in PROJECTED]
        reader = MemoryLedgerReader(self.log, "project", topics)
        model = self.model or MemoryReadModel(self.store)
        step = Projection(name="project", reads=PROJECTED, into=model)
        letters = MemoryLetters(self.log)
        runtime = ProjectionRuntime(step, reader, letters, MemoryMedia(), self.meter, FastClock())
        return runtime, reader

    async def run(self, *, until: int) -> None:
        """Projects until so many rows are there, and one batch beyond."""
        runtime, reader = self.open()
        while len(self.store.events) < until:
            await runtime.handle(await reader.take())
            await runtime.drain()
        await runtime.drain()

    @property
    def names(self) -> list[str]:
        rows = sorted(self.store.events.values(), key=lambda row: row.event_metadata)
        return [row.event_metadata.split(b'"result_id":"')[1][:1].decode() for row in rows]


async def test_every_recorded_inference_becomes_a_row() -> None:
    bench = Bench()
    bench.record("a", "b", "c")

    await bench.run(until=3)

    assert bench.names == ["a", "b", "c"]


async def test_a_letter_is_counted_once_however_often_its_batch_is_written() -> None:
    bench = Bench()
    bench.model = Trouble(bench.store, before=2)
    bench.log.append(Encoded(AI_INFERENCES.name, None, b"nonsense", ()))
    bench.record("a")

    await bench.run(until=1)

    assert bench.meter.dead_by_reason == {"malformed": 1}


async def test_a_second_worker_goes_on_where_the_ledger_says() -> None:
    bench = Bench()
    bench.record("a")
    await bench.run(until=1)
    bench.record("b")

    await bench.run(until=2)

    assert sum(bench.store.events_per_hour.values()) == 2


async def test_while_the_database_is_away_nothing_is_lost() -> None:
    bench = Bench()
    bench.model = Trouble(bench.store, before=3)
    bench.record("a", "b")

    await bench.run(until=2)

    assert bench.names == ["a", "b"]


async def test_an_answer_that_was_lost_doubles_nothing() -> None:
    bench = Bench()
    bench.model = Trouble(bench.store, after=1)
    bench.record("a", "b")
    runtime, reader = bench.open()

    for _ in range(3):
        await runtime.handle(await reader.take())
        await runtime.drain()

    assert sum(bench.store.events_per_hour.values()) == 2


async def test_batches_polled_before_a_failure_are_not_written_as_if_they_came_after_it() -> None:
    bench = Bench()
    bench.model = Trouble(bench.store)
    bench.record("a")
    runtime, reader = bench.open()
    await runtime.handle(await reader.take())
    first = await reader.take()
    bench.record("b")
    second = Batch((await reader.take()).records, first.leases)
    bench.model.before = 1

    await runtime.handle(first)
    await runtime.handle(second)
    await runtime.drain()
    written_too_early = list(bench.store.events)
    await bench_rest(runtime, reader, bench, rows=2)

    assert (written_too_early, bench.names) == ([], ["a", "b"])


async def test_a_slice_that_is_slow_holds_no_other_up() -> None:
    bench = Bench()
    bench.model = model = Stuck(bench.store)
    bench.record("a", "b", camera="gate")  # in partition 2
    bench.record("c", camera="shed")  # in partition 3
    runtime, reader = bench.open()
    for _ in range(2):
        await runtime.handle(await reader.take())
    bench.record("d", camera="shed")

    async with asyncio.timeout(5):
        await runtime.handle(await reader.take())
        await model.two.wait()
    meanwhile = bench.names
    model.let_go.set()
    await runtime.drain()

    assert (meanwhile, bench.names) == (["c", "d"], ["a", "b", "c", "d"])


async def bench_rest(
    runtime: ProjectionRuntime, reader: MemoryLedgerReader, bench: Bench, *, rows: int
) -> None:
    while len(bench.store.events) < rows:
        await runtime.handle(await reader.take())
        await runtime.drain()


async def test_a_row_that_the_database_refuses_costs_only_itself() -> None:
    bench = Bench()
    bench.model = MemoryReadModel(bench.store, takes=lambda row: row.frame_id != 13)
    bench.record("a", "b")
    bench.record("x", frame_id=13)
    bench.record("c")

    await bench.run(until=3)

    assert (bench.names, reasons(bench.log)) == (["a", "b", "c"], ["row_refused"])


async def test_bytes_that_are_no_event_of_ours_become_a_letter() -> None:
    bench = Bench()
    bench.record("a")
    key = bench.log.of(AI_INFERENCES.name)[0].key
    bench.log.append(Encoded(AI_INFERENCES.name, key, b"{}", ()))
    bench.record("b")

    await bench.run(until=2)

    assert (bench.names, reasons(bench.log)) == (["a", "b"], ["invalid"])


async def test_a_zombie_is_told_so_and_writes_nothing_twice() -> None:
    bench = Bench()
    bench.record("a")
    zombie, its_reader = bench.open()
    await zombie.handle(await its_reader.take())
    late = await its_reader.take()
    its_reader.cut_off()
    await bench.run(until=1)

    await zombie.handle(late)
    await zombie.drain()

    assert sum(bench.store.events_per_hour.values()) == 1


async def test_a_ledger_beyond_the_log_stops_loudly() -> None:
    bench = Bench()
    bench.record("a")
    await bench.run(until=1)
    bench.log.records.clear()
    runtime, reader = bench.open()

    with pytest.raises(LedgerBeyondLog, match="projections rebuild"):
        await runtime.handle(await reader.take())


class Late(MemoryLedgerReader):
    """Its first word about the log comes when another worker has projected more."""

    bench: Bench
    asked = 0

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        found = await super().logs(partitions)
        self.asked += 1
        if self.asked == 1:
            self.bench.record("a")
            ends = await super().logs(partitions)
            claimed = await MemoryReadModel(self.bench.store).claim(ends)
            for partition, offset in claimed.items():
                self.bench.store.ledger[partition] = replace(
                    self.bench.store.ledger[partition], next=max(offset, ends[partition].end or 0)
                )
        return found


async def test_a_ledger_that_went_on_while_we_looked_at_the_log_is_looked_at_again() -> None:
    """The simulation found this: a worker gave up for ever, and asked for a person."""
    bench = Bench()
    topics = [topic.name for topic in PROJECTED]
    reader = Late(bench.log, "project", topics)
    reader.bench = bench
    runtime = replace(bench.open()[0], reader=reader)

    await runtime.handle(await reader.take())

    assert reader.asked == 2


async def test_the_group_is_told_how_far_the_ledger_is() -> None:
    bench = Bench()
    bench.record("a", "b")
    where = bench.log.of(AI_INFERENCES.name)[0].partition
    runtime, reader = bench.open()
    for _ in range(2):
        await runtime.handle(await reader.take())
    await runtime.drain()
    bench.record("c")

    await runtime.handle(await reader.take())

    assert bench.log.progress["project", Partition(*where)].offset == 2
