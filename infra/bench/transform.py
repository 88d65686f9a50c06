"""The real `enrich` step, exactly once, against a raw loop of the client library.

The events have no headers, as upstream systems write them that know nothing of ours.
"""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import uvloop

from agents.enrich import Enrich
from agents.runtime.guard import Guard
from agents.runtime.pure import PureRuntime
from connectors.clock import SystemClock
from connectors.journal.mapped import MappedJournal
from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.media.folder import FolderStore
from connectors.metrics.prometheus import PrometheusMeter
from infra.bench.events import bare, produce, registry, sighting
from infra.bench.place import Place
from infra.bench.raw_loop import raw_loop
from infra.bench.rounds import Bench, Run, timed
from infra.running import PURE_BATCH_MAX, Runtime, collect_rarely
from streams.lanes import Batch, Lane
from streams.records import Partition
from streams.steps import Pure
from streams.topics import CAMERA_EVENTS, ENRICHED

EVENTS: Final = 200_000


@contextmanager
def transform(place: Place, events: int) -> Iterator[Bench]:
    """Each run reads the same events in a consumer group of its own, from the beginning."""
    place.say(f"publishing {events:,} events")
    produce(place.cluster, (bare(sighting(number)) for number in range(events)))
    runs = count()

    def ours() -> Run:
        with collecting_rarely(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_enrich(place, events, f"enrich-{next(runs)}"))

    def raw() -> Run:
        return raw_loop(place.cluster, events, f"raw-{next(runs)}")

    yield Bench(ours, raw)


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """As in a worker; the raw loop has Python's own settings."""
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def _enrich(place: Place, events: int, group: str) -> Run:
    """From the first batch to the last commit."""
    step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=Enrich(registry()), writes=(ENRICHED,))
    lane = _lane(place.cluster, group)
    clock, media = SystemClock(), FolderStore(place.settings.media)
    journal = MappedJournal(place.settings.folder / "journal")
    guard = Guard(journal)
    runtime = PureRuntime(step, lane, media, PrometheusMeter(), clock, guard)
    await lane.open()
    try:
        batch = await first_batch(lane, runtime)
        began, cpu_s, done = time.monotonic(), time.process_time(), 0
        while True:
            await runtime.handle(batch)
            done += len(batch.records)
            if done >= events:
                break
            batch = await lane.take()
        await runtime.drain()
        return timed(done, time.monotonic() - began, time.process_time() - cpu_s)
    finally:
        await runtime.stop()
        await lane.close()
        journal.close()


async def first_batch(lane: Lane, runtime: Runtime) -> Batch:
    """The first one with records; what comes before tells who owns what."""
    batch = await lane.take()
    while not batch.records:
        await runtime.handle(batch)
        batch = await lane.take()
    return batch


def _lane(kafka: Cluster, group: str) -> KafkaLane:
    return KafkaLane(
        kafka, Subscription(group, (CAMERA_EVENTS.name,), PURE_BATCH_MAX), Slot(group, 0), no_lag
    )


def no_lag(_partition: Partition, _lag: int) -> None:
    """Nobody looks."""
