"""An effect step on a real Kafka: what waits, what is stuck and what keeps its order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from agents.enrich import Enrich
from agents.runtime.effect import EffectRuntime
from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.kafka.publisher import KafkaPublisher
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from streams.lanes import Lane
from streams.publishing import record
from streams.records import NotYet, Outputs, Received
from streams.registry import Registry
from streams.steps import Effect
from streams.topics import CAMERA_EVENTS, ENRICHED
from tests.agents.runtime.scene import Tally, motion, name_of

CLOCK = SystemClock()


@dataclass
class Scripted:
    """An agent whose events hang or wait by name; it remembers whom it was asked about."""

    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    later: timedelta = timedelta(seconds=2)

    async def __call__(self, received: Received[CameraEvent]) -> Outputs | NotYet:
        name = received.event.event_id
        self.asked.append(name)
        if name.startswith("stuck"):
            await self.gate.wait()
        if name.startswith("later") and self.asked.count(name) == 1:
            return NotYet(CLOCK.now() + self.later)
        return Enrich(Registry())(received)


async def publish(cluster: Cluster, *names: str) -> None:
    publisher = KafkaPublisher(cluster)
    await publisher.append([record(motion(name)) for name in names])
    await publisher.close()


@asynccontextmanager
async def working(
    cluster: Cluster, agent: Scripted, *, in_flight: int = 8, ordered: bool = False
) -> AsyncIterator[EffectRuntime]:
    """The step at work; when the context ends it ends as if it were killed, but for its group."""
    subscription = Subscription("effects", (CAMERA_EVENTS.name,), 100)
    lane = KafkaLane(cluster, subscription, Slot("effects", 0), lambda _partition, _lag: None)
    step = Effect(
        name="effects",
        reads=CAMERA_EVENTS,
        runs=agent,
        writes=(ENRICHED,),
        in_flight=in_flight,
        time_limit_s=60,
        ordered=ordered,
    )
    runtime = EffectRuntime(step, lane, MemoryMedia(), Tally(), CLOCK)
    await lane.open()
    feeding = asyncio.create_task(feed(runtime, lane))
    try:
        yield runtime
    finally:
        feeding.cancel()
        with suppress(asyncio.CancelledError):
            await feeding
        await runtime.stop()
        await lane.close()


async def feed(runtime: EffectRuntime, lane: Lane) -> None:
    while True:
        await runtime.handle(await lane.take())


@asynccontextmanager
async def outcomes(cluster: Cluster) -> AsyncIterator[Callable[[int], Awaitable[list[str]]]]:
    """Reads what the step has written, as many as asked for, in the order of its one key."""
    subscription = Subscription("reader", (ENRICHED.name,), 100)
    lane = KafkaLane(cluster, subscription, Slot("reader", 0), lambda _partition, _lag: None)
    await lane.open()
    found: list[str] = []

    async def read(count: int) -> list[str]:
        async with asyncio.timeout(60):
            while len(found) < count:
                batch = await lane.take()
                found.extend(name_of(ENRICHED.codec.decode(r.value)) for r in batch.records)
        return list(found)

    yield read
    await lane.close()


async def test_a_stuck_record_stops_nobody_and_is_the_only_one_asked_again(
    cluster: Cluster,
) -> None:
    neighbours = [str(number) for number in range(20)]
    await publish(cluster, *neighbours[:10], "stuck", *neighbours[10:])
    first, second = Scripted(), Scripted()
    second.gate.set()
    async with outcomes(cluster) as read:
        async with working(cluster, first):
            before = await read(20)

        async with working(cluster, second):
            after = await read(21)

    assert sorted(before, key=int) == neighbours
    assert (second.asked, after[20:]) == (["stuck"], ["stuck"])


async def test_a_record_whose_time_has_not_come_lets_others_have_its_slot(
    cluster: Cluster,
) -> None:
    await publish(cluster, "later", "a", "b")
    agent = Scripted()
    async with outcomes(cluster) as read, working(cluster, agent, in_flight=1):
        found = await read(3)

    assert (found, agent.asked) == (["a", "b", "later"], ["later", "a", "b", "later"])


async def test_where_order_is_asked_for_a_key_keeps_it(cluster: Cluster) -> None:
    names = ["later-first", *map(str, range(20))]
    await publish(cluster, *names)
    agent = Scripted(later=timedelta(seconds=1))
    async with outcomes(cluster) as read, working(cluster, agent, ordered=True):
        found = await read(len(names))

    assert found == names
