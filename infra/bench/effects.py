"""An effect step whose agent waits 200 ms, against bare tasks that wait as long.

Both have 256 in flight. Ours reads from Kafka, keeps a window, publishes each outcome and commits.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import uvloop

from agents.enrich import Enrich
from agents.runtime.effect import EffectRuntime
from connectors.clock import SystemClock
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.media.folder import FolderStore
from connectors.metrics.prometheus import PrometheusMeter
from infra.bench.events import publish, registry, sighting
from infra.bench.place import Place
from infra.bench.rounds import Bench, Run, timed
from infra.bench.transform import collecting_rarely, first_batch, no_lag
from infra.running import EFFECT_BATCH_MAX
from schemas.camera_events import CameraEvent
from streams.records import Outputs, Received
from streams.steps import Effect
from streams.topics import CAMERA_EVENTS, ENRICHED

IN_FLIGHT: Final = 256
ANSWER_S: Final = 0.2
TIME_LIMIT_S: Final = 30.0


@contextmanager
def effects(place: Place, events: int) -> Iterator[Bench]:
    """Each run reads the same events in a consumer group of its own, from the beginning."""
    place.say(f"publishing {events:,} events")
    publish(place.cluster, sighting, range(events))
    runs = count()

    def ours() -> Run:
        with collecting_rarely(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_asking(place, events, f"ask-{next(runs)}"))

    def raw() -> Run:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_bare(events))

    yield Bench(ours, raw)


async def _asking(place: Place, events: int, group: str) -> Run:
    """From the first batch until every outcome is in the log."""
    enrich = Enrich(registry())

    async def agent(received: Received[CameraEvent]) -> Outputs:
        await asyncio.sleep(ANSWER_S)
        return enrich(received)

    step = Effect(
        name="ask",
        reads=CAMERA_EVENTS,
        runs=agent,
        writes=(ENRICHED,),
        in_flight=IN_FLIGHT,
        time_limit_s=TIME_LIMIT_S,
    )
    subscription = Subscription(group, (CAMERA_EVENTS.name,), EFFECT_BATCH_MAX)
    lane = KafkaLane(place.cluster, subscription, Slot(group, 0), no_lag)
    media = FolderStore(place.settings.media)
    runtime = EffectRuntime(step, lane, media, PrometheusMeter(), SystemClock())
    await lane.open()
    try:
        batch = await first_batch(lane, runtime)
        began, cpu_s, taken = time.monotonic(), time.process_time(), 0
        while True:
            await runtime.handle(batch)
            taken += len(batch.records)
            if taken >= events:
                break
            batch = await lane.take()
        await runtime.drain()
        return timed(taken, time.monotonic() - began, time.process_time() - cpu_s)
    finally:
        await runtime.stop()
        await lane.close()


async def _bare(events: int) -> Run:
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def ask() -> None:
        async with slots:
            await asyncio.sleep(ANSWER_S)

    began, cpu_s = time.monotonic(), time.process_time()
    await asyncio.gather(*[ask() for _ in range(events)])
    return timed(events, time.monotonic() - began, time.process_time() - cpu_s)
