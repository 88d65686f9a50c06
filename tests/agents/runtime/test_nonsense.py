"""What an agent must not return or do, pure or effect: one letter each, and neighbours unharmed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, cast

import pytest
from msgspec import structs

from agents.enrich import Enrich
from agents.runtime.effect import EffectRuntime
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from schemas.clips import CameraEventEnriched
from streams.dead_letters import fold
from streams.records import NotYet, Output, Outputs, Received
from streams.registry import Registry
from streams.steps import Effect, Pure
from streams.topics import AI_EVENTS, CAMERA_EVENTS, DEAD_LETTERS, ENRICHED
from tests.agents.runtime.scene import NOON, FastClock, Tally, enriched, motion, published, run

Agent = Callable[[Received[CameraEvent]], Outputs]
Slow = Callable[[Received[CameraEvent]], Awaitable[Outputs | NotYet]]


class Untellable(Exception):  # noqa: N818  # it is about its text
    """An error that can't be told."""

    def __str__(self) -> str:
        raise ValueError("no text")


def good(received: Received[CameraEvent]) -> Outputs:
    return Enrich(Registry())(received)


def changed(received: Received[CameraEvent], **fields: object) -> Outputs:
    """A good output whose event has fields of other types."""
    (output,) = good(received)
    return (structs.replace(output, event=structs.replace(output.event, **fields)),)


def returns(value: object) -> Agent:
    return lambda _: cast("Outputs", value)


def raises(error: BaseException) -> Agent:
    def agent(_: Received[CameraEvent]) -> Outputs:
        raise error

    return agent


def elsewhere(received: Received[CameraEvent]) -> Outputs:
    (output,) = good(received)
    return (structs.replace(output, topic=AI_EVENTS),)


def another_word(received: Received[CameraEvent]) -> Outputs:
    return (Output(ENRICHED, cast("CameraEventEnriched", received.event)),)


def endless(received: Received[CameraEvent]) -> Outputs:
    return endless(received)


BOTH: Final[dict[str, tuple[Agent, str]]] = {
    "nothing": (returns(None), "it returned nothing, not a tuple"),
    "number": (returns(7), "it returned a int, not a tuple"),
    "list": (returns([]), "it returned a list, not a tuple"),
    "dict-within": (returns(({},)), "it returned a dict among its outputs"),
    "none-within": (returns((None,)), "it returned nothing among its outputs"),
    "elsewhere": (elsewhere, "it wrote to ai.events.v1, which is no topic of this step"),
    "another-word": (another_word, "a MotionDetected is no word of camera.events.enriched.v1"),
    "not-encodable": (lambda got: changed(got, event=object()), "Encoding objects of type object"),
    "raises": (raises(ZeroDivisionError("by hand")), "ZeroDivisionError: by hand"),
    "untellable": (raises(Untellable()), "Untellable: (its text can't be had)"),
    "exits": (lambda _: sys.exit(3), "SystemExit: 3"),
    "interrupts": (raises(KeyboardInterrupt()), "KeyboardInterrupt"),
    "cancels": (raises(asyncio.CancelledError()), "CancelledError"),
    "recursion": (endless, "RecursionError"),
}
"""By name: the agent, and what the letter's detail must say."""


def details(log: MemoryLog) -> list[tuple[str, str]]:
    return [(letter.reason, letter.detail) for letter in fold(log.of(DEAD_LETTERS.name))]


def one_is_bad(bad: Agent) -> Agent:
    return lambda got: bad(got) if got.event.event_id == "bad" else good(got)


def log_with_neighbours() -> MemoryLog:
    log = MemoryLog()
    published(log, motion("before"), motion("bad"), motion("after"))
    return log


async def run_pure(agent: Agent, log: MemoryLog) -> None:
    lane = MemoryLane(log, "enrich", (CAMERA_EVENTS.name,))
    step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=agent, writes=(ENRICHED,))
    await run(PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock()), lane)


def effect(
    agent: Slow,
    log: MemoryLog,
    *,
    clock: FastClock | None = None,
    time_limit_s: float = 10.0,
    parked_max_s: float = 3600.0,
) -> tuple[EffectRuntime, MemoryLane]:
    lane = MemoryLane(log, "describe", (CAMERA_EVENTS.name,))
    step = Effect(
        name="describe",
        reads=CAMERA_EVENTS,
        runs=agent,
        writes=(ENRICHED,),
        in_flight=8,
        time_limit_s=time_limit_s,
        parked_max_s=parked_max_s,
    )
    return EffectRuntime(step, lane, MemoryMedia(), Tally(), clock or FastClock()), lane


async def run_effect(agent: Slow, log: MemoryLog) -> None:
    runtime, lane = effect(agent, log)
    await run(runtime, lane)
    await runtime.stop()


@pytest.mark.parametrize("name", BOTH)
async def test_in_a_pure_step_it_is_a_letter_and_neighbours_are_unharmed(name: str) -> None:
    agent, said = BOTH[name]
    log = log_with_neighbours()

    await run_pure(one_is_bad(agent), log)

    ((reason, detail),) = details(log)
    assert (reason, said in detail) == ("agent_failed", True), detail
    assert enriched(log) == ["before", "after"]


@pytest.mark.parametrize("name", BOTH)
async def test_in_an_effect_step_it_is_a_letter_and_neighbours_are_unharmed(name: str) -> None:
    bad, said = BOTH[name]
    log = log_with_neighbours()

    async def agent(received: Received[CameraEvent]) -> Outputs:
        return one_is_bad(bad)(received)

    await run_effect(agent, log)

    ((reason, detail),) = details(log)
    assert (reason, said in detail) == ("agent_failed", True), detail
    assert sorted(enriched(log)) == ["after", "before"]


async def test_an_output_that_nobody_could_read_never_reaches_the_log() -> None:
    log = log_with_neighbours()

    async def agent(received: Received[CameraEvent]) -> Outputs:
        bad = received.event.event_id == "bad"
        return changed(received, camera="the gate") if bad else good(received)

    await run_effect(agent, log)

    ((reason, detail),) = details(log)
    assert (reason, sorted(enriched(log))) == ("agent_failed", ["after", "before"])
    assert "its output for camera.events.enriched.v1 can't be read" in detail


def later(until: object) -> Slow:
    async def agent(received: Received[CameraEvent]) -> Outputs | NotYet:
        if received.event.event_id == "bad":
            return NotYet(cast("datetime", until))
        return good(received)

    return agent


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("noon", "until when is no time: noon"),
        (NOON.replace(tzinfo=None), "until when is no time"),
        (NOON + timedelta(days=365), "not ready within 3600 s"),
    ],
    ids=["text", "no-zone", "next-year"],
)
async def test_a_time_that_is_none_or_too_far_away_is_a_letter(until: object, said: str) -> None:
    log = log_with_neighbours()

    await run_effect(later(until), log)

    ((reason, detail),) = details(log)
    assert (reason, said in detail) == ("agent_failed", True), detail
    assert sorted(enriched(log)) == ["after", "before"]


class Ticking(FastClock):
    """Time passes by as much as is slept."""

    def now(self) -> datetime:
        return NOON + timedelta(seconds=sum(self.slept))


async def test_not_yet_for_ever_ends_as_a_letter() -> None:
    log = log_with_neighbours()
    runtime, lane = effect(later(NOON - timedelta(days=1)), log, clock=Ticking(), parked_max_s=60)

    await run(runtime, lane)
    await runtime.stop()

    ((reason, detail),) = details(log)
    assert (reason, "not ready within 60 s" in detail) == ("agent_failed", True)
    assert sorted(enriched(log)) == ["after", "before"]


@dataclass
class Stubborn:
    """An agent that catches its own cancellation, until it is let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def __call__(self, received: Received[CameraEvent]) -> Outputs:
        if received.event.event_id == "bad":
            self.asked += 1
            while not self.let_go.is_set():
                try:
                    await self.let_go.wait()
                except asyncio.CancelledError:
                    continue
        return good(received)


async def test_an_agent_that_cannot_be_ended_is_given_up_and_counted() -> None:
    log, agent = log_with_neighbours(), Stubborn()
    runtime, lane = effect(agent, log, time_limit_s=0.01)

    await run(runtime, lane)

    abandoned = runtime.under_way["abandoned"]
    agent.let_go.set()
    await runtime.stop()
    assert [reason for reason, _ in details(log)] == ["time_limit"]
    assert (abandoned, agent.asked, sorted(enriched(log))) == (1, 1, ["after", "before"])


async def test_an_agent_that_ends_after_it_was_given_up_is_counted_no_more() -> None:
    log, agent = log_with_neighbours(), Stubborn()
    runtime, lane = effect(agent, log, time_limit_s=0.01)
    await run(runtime, lane)

    agent.let_go.set()
    await runtime.stop()

    assert runtime.under_way == {"in_flight": 0, "parked": 0, "abandoned": 0}
