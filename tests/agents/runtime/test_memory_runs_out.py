"""Memory that runs out may be anybody's fault: whoever gets the error is asked again, alone."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from agents.enrich import Enrich
from agents.record_inference import RecordInference
from agents.runtime.calls import Calls
from agents.runtime.effect import EffectRuntime
from agents.runtime.projection import ProjectionRuntime
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from connectors.memory.read_model import MemoryReadModel, Store
from connectors.memory.reader import MemoryLedgerReader, MemoryLetters
from schemas.camera_events import CameraEvent
from schemas.codec import Codec
from schemas.examples.upstream import MODEL_RESULT
from schemas.outcomes import InferenceRecorded
from streams import wire
from streams.records import Outputs, Received
from streams.registry import Registry
from streams.steps import Effect, Projection, Pure
from streams.topics import AI_INFERENCES, CAMERA_EVENTS, ENRICHED
from tests.agents.runtime.scene import FastClock, Tally, enriched, motion, published, reasons, run


@dataclass
class Hungry:
    """Runs out of memory over the record named `bad`, so many times."""

    times: int

    def __call__(self, received: Received[CameraEvent]) -> Outputs:
        if received.event.event_id == "bad" and self.times:
            self.times -= 1
            raise MemoryError
        return Enrich(Registry())(received)

    async def asked(self, received: Received[CameraEvent]) -> Outputs:
        return self(received)


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog(partitions=1)
    published(log, *(motion(name) for name in ("a", "bad", "b")))
    return log


@pytest.mark.parametrize(
    ("times", "names", "letters"), [(1, ["a", "bad", "b"], []), (99, ["a", "b"], ["agent_failed"])]
)
async def test_a_pure_step_asks_again_alone_and_then_writes_a_letter(
    log: MemoryLog, times: int, names: list[str], letters: list[str]
) -> None:
    lane = MemoryLane(log, "enrich", (CAMERA_EVENTS.name,))
    step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=Hungry(times), writes=(ENRICHED,))

    await run(PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock()), lane)

    assert (enriched(log), reasons(log)) == (names, letters)


@pytest.mark.parametrize(
    ("times", "names", "letters"), [(1, ["a", "b", "bad"], []), (99, ["a", "b"], ["agent_failed"])]
)
async def test_an_effect_step_asks_again_alone_and_then_writes_a_letter(
    log: MemoryLog, times: int, names: list[str], letters: list[str]
) -> None:
    lane = MemoryLane(log, "describe", (CAMERA_EVENTS.name,))
    step = Effect(
        name="describe",
        reads=CAMERA_EVENTS,
        runs=Hungry(times).asked,
        writes=(ENRICHED,),
        in_flight=8,
        time_limit_s=9,
    )
    runtime = EffectRuntime(step, lane, MemoryMedia(), Tally(), FastClock())

    await run(runtime, lane)
    await runtime.stop()

    assert (sorted(enriched(log)), reasons(log)) == (names, letters)


class HungryCodec(Codec[InferenceRecorded]):
    """Runs out of memory, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(InferenceRecorded)
        self.times = times

    def decode(self, value: bytes | None) -> InferenceRecorded:
        if self.times:
            self.times -= 1
            raise MemoryError
        return super().decode(value)


@pytest.mark.parametrize(("times", "rows", "letters"), [(1, 1, []), (99, 0, ["agent_failed"])])
async def test_the_projection_folds_again_alone_and_then_writes_a_letter(
    times: int, rows: int, letters: list[str]
) -> None:
    log, store = MemoryLog(partitions=1), Store()
    (output,) = RecordInference(Registry())(Received(MODEL_RESULT))
    log.append(wire.encoded("record_inference", output))
    topic = replace(AI_INFERENCES, codec=HungryCodec(times))
    reader = MemoryLedgerReader(log, "project", [topic.name])
    step = Projection(name="project", reads=(topic,), into=MemoryReadModel(store))
    runtime = ProjectionRuntime(
        step, reader, MemoryLetters(log), MemoryMedia(), Tally(), FastClock()
    )
    async with asyncio.timeout(10):
        while not (store.events or reasons(log)):
            await runtime.handle(await reader.take())
            await runtime.drain()

    assert (len(store.events), reasons(log)) == (rows, letters)


async def test_a_call_that_goes_on_after_its_record_was_taken_away_is_a_stray() -> None:
    calls, gate = Calls(), asyncio.Event()

    async def stubborn() -> None:
        while not gate.is_set():
            with suppress(asyncio.CancelledError):
                await gate.wait()

    waiting = asyncio.create_task(calls.within(60, stubborn()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    meanwhile = calls.strays
    gate.set()
    await calls.close()

    assert (meanwhile, calls.strays) == (1, 0)
