"""A record that is finished far beyond a stuck one: further than any progress can tell of."""

import asyncio

from agents.enrich import Enrich
from agents.runtime.effect import EffectRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from streams.publishing import record
from streams.records import Outputs, Received
from streams.registry import Registry
from streams.steps import Effect
from streams.topics import CAMERA_EVENTS, ENRICHED
from streams.window import SPAN_MAX
from tests.agents.runtime.scene import FastClock, Tally, enriched, motion, published

TURNS = 200
"""Of the event loop: nothing in memory needs more to come to rest."""


async def test_it_is_in_the_log_only_with_a_progress_that_tells_of_it() -> None:
    log, gate = MemoryLog(), asyncio.Event()

    async def agent(received: Received[CameraEvent]) -> Outputs:
        if received.event.event_id == "stuck":
            await gate.wait()
        return Enrich(Registry())(received)

    lane = MemoryLane(log, "describe", (CAMERA_EVENTS.name,))
    effect = Effect(
        name="describe",
        reads=CAMERA_EVENTS,
        runs=agent,
        writes=(ENRICHED,),
        in_flight=8,
        time_limit_s=60,
    )
    runtime = EffectRuntime(effect, lane, MemoryMedia(), Tally(), FastClock())
    published(log, motion("stuck"), motion("near"))
    aborted = log.initialise("upstream")
    log.produce(aborted, [record(motion(f"aborted-{n}")) for n in range(SPAN_MAX)])
    log.finish(aborted, commit=False)
    published(log, motion("far"))

    async def feed() -> None:
        while True:
            await runtime.handle(await lane.take())

    feeding = asyncio.create_task(feed())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    meanwhile = enriched(log)
    gate.set()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    await runtime.drain()
    feeding.cancel()
    await runtime.stop()

    assert meanwhile == ["near"]
    assert sorted(enriched(log)) == ["far", "near", "stuck"]
