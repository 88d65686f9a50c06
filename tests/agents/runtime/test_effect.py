import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from agents.enrich import Enrich
from agents.runtime.effect import WAITING_PER_SLOT, EffectRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from streams.lanes import Work
from streams.ports import StoreAway
from streams.records import NotYet, Outputs, Partition, Received
from streams.registry import Registry
from streams.steps import Effect
from streams.topics import CAMERA_EVENTS, ENRICHED
from tests.agents.runtime.scene import (
    NOON,
    FastClock,
    Tally,
    enriched,
    motion,
    published,
    raw,
    reasons,
    run,
)

Agent = Callable[[Received[CameraEvent]], Awaitable[Outputs | NotYet]]


@dataclass
class Scripted:
    """An agent whose events misbehave by name; it counts how often each was asked."""

    asked: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)

    async def __call__(self, received: Received[CameraEvent]) -> Outputs | NotYet:
        name = received.event.event_id
        self.asked.append(name)
        if name.startswith("bug"):
            raise ZeroDivisionError(name)
        if name.startswith("once") and self.asked.count(name) == 1:
            raise ConnectionError(name)
        if name.startswith("full") and self.asked.count(name) <= 5:
            raise StoreAway("no space left")
        if name.startswith("known"):
            return ()
        if name.startswith("hang"):
            await asyncio.Event().wait()
        if name.startswith("later") and self.asked.count(name) == 1:
            return NotYet(NOON + timedelta(seconds=90))
        if name in self.gates:
            await self.gates[name].wait()
        return Enrich(Registry())(received)


@dataclass
class Bench:
    agent: Scripted = field(default_factory=Scripted)
    log: MemoryLog = field(default_factory=MemoryLog)
    clock: FastClock = field(default_factory=FastClock)
    meter: Tally = field(default_factory=Tally)
    media: MemoryMedia = field(default_factory=MemoryMedia)
    in_flight: int = 8
    ordered: bool = False
    time_limit_s: float = 10.0

    def open(self) -> tuple[EffectRuntime, MemoryLane]:
        lane = MemoryLane(self.log, "describe", (CAMERA_EVENTS.name,))
        step = Effect(
            name="describe",
            reads=CAMERA_EVENTS,
            runs=self.agent,
            writes=(ENRICHED,),
            in_flight=self.in_flight,
            time_limit_s=self.time_limit_s,
            ordered=self.ordered,
        )
        return EffectRuntime(step, lane, self.media, self.meter, self.clock), lane

    async def run(self) -> None:
        runtime, lane = self.open()
        await run(runtime, lane)
        await runtime.stop()


async def settled(check: Callable[[], bool]) -> None:
    """Lets everything that can run, run, until the condition holds."""
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110  # what is waited for is the state of somebody else
            await asyncio.sleep(0)


async def test_every_record_has_its_output() -> None:
    bench = Bench()
    published(bench.log, *(motion(str(number)) for number in range(30)))

    await bench.run()

    assert sorted(enriched(bench.log), key=int) == [str(number) for number in range(30)]


async def test_an_agent_that_fails_once_is_asked_again() -> None:
    bench = Bench()
    published(bench.log, motion("once"))

    await bench.run()

    assert (enriched(bench.log), bench.agent.asked) == (["once"], ["once", "once"])


async def test_an_agent_that_always_fails_leaves_a_letter_and_its_neighbours_alone() -> None:
    bench = Bench()
    published(bench.log, motion("a"), motion("bug"), motion("b"))

    await bench.run()

    assert (sorted(enriched(bench.log)), reasons(bench.log)) == (["a", "b"], ["agent_failed"])


async def test_records_that_an_agent_has_nothing_to_say_to_are_counted() -> None:
    bench = Bench()
    published(bench.log, motion("a"), motion("known"), motion("bug"))

    await bench.run()

    assert bench.meter.repeated_by == {"describe": 1}


async def test_an_agent_that_hangs_is_ended_by_the_time_limit() -> None:
    bench = Bench(time_limit_s=0.01)
    published(bench.log, motion("hang"), motion("a"))

    await bench.run()

    assert (enriched(bench.log), reasons(bench.log)) == (["a"], ["time_limit"])


async def test_one_stuck_record_does_not_stop_its_neighbours() -> None:
    bench = Bench()
    bench.agent.gates["stuck"] = asyncio.Event()
    published(bench.log, motion("stuck"), *(motion(str(number)) for number in range(5)))
    runtime, lane = bench.open()

    await runtime.handle(await lane.take())
    await settled(lambda: len(enriched(bench.log)) == 5)
    await runtime.stop()

    assert sorted(enriched(bench.log)) == ["0", "1", "2", "3", "4"]


async def test_after_a_crash_only_the_unfinished_record_is_asked_again() -> None:
    bench = Bench()
    bench.agent.gates["stuck"] = asyncio.Event()
    published(bench.log, motion("stuck"), *(motion(str(number)) for number in range(5)))
    runtime, lane = bench.open()
    await runtime.handle(await lane.take())
    await settled(lambda: len(enriched(bench.log)) == 5)
    await runtime.stop()
    bench.agent.gates.clear()
    bench.agent.asked.clear()

    await bench.run()

    assert bench.agent.asked == ["stuck"]


async def test_a_record_whose_time_has_not_come_waits_outside_the_slots() -> None:
    bench = Bench(in_flight=1)
    published(bench.log, motion("later"), motion("a"))

    await bench.run()

    assert (sorted(enriched(bench.log)), bench.clock.slept) == (["a", "later"], [90.0])


async def test_where_order_is_asked_for_a_key_has_one_record_at_a_time() -> None:
    bench = Bench(ordered=True)
    bench.agent.gates["first"] = asyncio.Event()
    published(bench.log, motion("first"), motion("second"))
    runtime, lane = bench.open()
    await runtime.handle(await lane.take())
    await settled(lambda: bench.agent.asked == ["first"])
    bench.agent.gates["first"].set()

    await runtime.drain()
    await runtime.stop()

    assert enriched(bench.log) == ["first", "second"]


async def test_outcomes_of_a_partition_that_was_taken_away_are_dropped() -> None:
    bench = Bench()
    bench.agent.gates["slow"] = asyncio.Event()
    published(bench.log, motion("slow"))
    runtime, lane = bench.open()
    await runtime.handle(await lane.take())
    await settled(lambda: bench.agent.asked == ["slow"])
    lane.revoke(list(lane.leases))
    bench.agent.gates["slow"].set()

    await runtime.drain()
    await runtime.stop()

    assert (enriched(bench.log), bench.log.progress) == ([], {})


async def test_when_too_many_wait_the_partitions_are_held() -> None:
    bench = Bench(in_flight=1)
    bench.agent.gates["stuck"] = asyncio.Event()
    published(bench.log, motion("stuck"), *(motion(str(number)) for number in range(20)))
    runtime, lane = bench.open()

    await runtime.handle(await lane.take())

    held = lane.held
    await runtime.stop()
    assert held == frozenset(lane.leases)


async def test_a_fully_finished_partition_leaves_no_lag_behind_markers() -> None:
    bench = Bench()
    published(bench.log, motion("a"))
    where = bench.log.of(CAMERA_EVENTS.name)[0].partition
    bench.log.records[where].append(None)

    await bench.run()

    assert bench.log.progress["describe", where].offset == 2


class Full(MemoryMedia):
    """A store without room."""

    async def put(self, content: bytes) -> str:
        raise StoreAway(len(content), "no space left")


async def test_a_step_that_cannot_write_a_letter_says_so_before_any_other_batch_comes() -> None:
    bench = Bench(media=Full())
    bench.log.append(raw(b" " * 600_000))
    runtime, lane = bench.open()
    await runtime.handle(await lane.take())

    with pytest.raises(StoreAway, match="no space left"):
        async with asyncio.timeout(10):
            await runtime.failure.wait()
    await runtime.stop()


class Stuck(MemoryLane):
    """A lane whose commits do not return while Kafka is away."""

    async def commit(self, work: Work) -> frozenset[Partition]:
        await asyncio.Event().wait()
        return await super().commit(work)


async def test_while_nothing_can_be_committed_no_more_than_a_bound_is_asked() -> None:
    bench = Bench(in_flight=2)
    lane = Stuck(bench.log, "describe", (CAMERA_EVENTS.name,), batch_max=4)
    runtime = EffectRuntime(bench.open()[0].step, lane, bench.media, bench.meter, bench.clock)
    published(bench.log, *(motion(str(number)) for number in range(200)))

    while lane.held != frozenset(lane.leases):
        await runtime.handle(await lane.take())
        await asyncio.sleep(0)
    await runtime.stop()

    assert len(bench.agent.asked) <= 2 * WAITING_PER_SLOT + 4


async def test_while_a_store_is_full_a_record_waits_and_is_never_given_up() -> None:
    bench = Bench()
    published(bench.log, motion("full"), motion("a"))

    await bench.run()

    assert (sorted(enriched(bench.log)), reasons(bench.log)) == (["a", "full"], [])
