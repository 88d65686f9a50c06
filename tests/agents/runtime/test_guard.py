"""Who is let in with whom: nobody beside a suspect, and everybody gets a turn."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import get_args
from uuid import uuid4

import pytest

from agents.enrich import Enrich
from agents.runtime.effect import EffectRuntime
from agents.runtime.guard import Guard
from agents.runtime.pure import PureRuntime
from agents.runtime.suspects import Suspects
from connectors.memory.journal import MemoryJournal, MemoryStarts
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from streams.dead_letters import fold
from streams.lanes import Progress
from streams.poison.starts import Cause, Place, Start
from streams.ports import StoreAway
from streams.records import Outputs, Received, Record
from streams.registry import Registry
from streams.steps import Effect, Pure
from streams.topics import CAMERA_EVENTS, DEAD_LETTERS, ENRICHED
from tests.agents.runtime.scene import FastClock, Tally, enriched, motion, published, run

STEP = "describe"


def good(received: Received[CameraEvent]) -> Outputs:
    return Enrich(Registry())(received)


@dataclass
class Seen:
    """An effect agent that says who was there at the same time, and what the journal had."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    inside: set[str] = field(default_factory=set)
    together: dict[str, set[str]] = field(default_factory=dict)
    alone: dict[str, bool] = field(default_factory=dict)

    async def __call__(self, received: Received[CameraEvent]) -> Outputs:
        name = received.event.event_id
        self.inside.add(name)
        for one in self.inside:
            self.together.setdefault(one, set()).update(self.inside)
        here = (p for p in self.journal.noted if p.offset == received.offset and p.step == STEP)
        self.alone[name] = any(self.journal.noted[place] for place in here)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.inside.discard(name)
        return good(received)


def place_of(log: MemoryLog, name: str, step: str = STEP) -> Place:
    records = log.of(CAMERA_EVENTS.name)
    found = next(r for r in records if CAMERA_EVENTS.codec.decode(r.value).event_id == name)
    return Place(step, found.partition, found.offset, f"id-of-{CAMERA_EVENTS.name}")


def starts(place: Place, count: int, *, alone: int = 0, cause: Cause = "crashed") -> list[Start]:
    return [Start(place, uuid4(), alone=n < alone, cause=cause) for n in range(count)]


async def run_effect(log: MemoryLog, agent: Seen, known: list[Start]) -> None:
    suspects = Suspects([STEP], MemoryStarts(set(known)), FastClock())
    await suspects.look()
    guard = Guard(agent.journal, lambda: suspects.known, suspects.finished)
    lane = MemoryLane(log, STEP, (CAMERA_EVENTS.name,))
    step = Effect(
        name=STEP, reads=CAMERA_EVENTS, runs=agent, writes=(ENRICHED,), in_flight=8, time_limit_s=9
    )
    runtime = EffectRuntime(step, lane, MemoryMedia(), Tally(), FastClock(), guard)
    await run(runtime, lane)
    await runtime.stop()


async def run_pure(log: MemoryLog, known: list[Start], journal: MemoryJournal) -> None:
    suspects = Suspects([STEP], MemoryStarts(set(known)), FastClock())
    await suspects.look()
    guard = Guard(journal, lambda: suspects.known, suspects.finished)
    lane = MemoryLane(log, STEP, (CAMERA_EVENTS.name,))

    def agent(received: Received[CameraEvent]) -> Outputs:
        noted.append((received.event.event_id, [p.offset for p in journal.noted]))
        return good(received)

    noted: list[tuple[str, list[int]]] = []
    step = Pure(name=STEP, reads=CAMERA_EVENTS, runs=agent, writes=(ENRICHED,))
    await run(PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock(), guard), lane)
    names = {r.offset: CAMERA_EVENTS.codec.decode(r.value).event_id for r in records_of(log)}
    assert [[name] for name, _ in noted] == [[names[o] for o in offsets] for _, offsets in noted]


def records_of(log: MemoryLog) -> list[Record]:
    return log.of(CAMERA_EVENTS.name)


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog(partitions=1)
    published(log, *(motion(name) for name in ("a", "b", "bad", "c", "d")))
    return log


def letters(log: MemoryLog) -> list[tuple[str, str]]:
    return [(letter.reason, letter.detail) for letter in fold(log.of(DEAD_LETTERS.name))]


async def test_everybody_runs_together_as_long_as_nobody_is_suspected(log: MemoryLog) -> None:
    agent = Seen()

    await run_effect(log, agent, starts(place_of(log, "bad"), 1))

    assert agent.together["a"] == {"a", "b", "bad", "c", "d"}


async def test_a_suspect_runs_with_nobody_beside_it_and_the_journal_says_so(log: MemoryLog) -> None:
    agent = Seen()

    await run_effect(log, agent, starts(place_of(log, "bad"), 2))

    assert (agent.together["bad"], agent.alone["bad"], agent.alone["a"]) == ({"bad"}, True, False)
    assert sorted(enriched(log)) == ["a", "b", "bad", "c", "d"]


@pytest.mark.parametrize("cause", get_args(Cause))
@pytest.mark.parametrize("count", [3, 7, 100])
async def test_who_only_was_in_a_crowd_is_never_convicted(
    log: MemoryLog, count: int, cause: Cause
) -> None:
    await run_effect(log, Seen(), starts(place_of(log, "bad"), count, cause=cause))

    assert (letters(log), sorted(enriched(log))) == ([], ["a", "b", "bad", "c", "d"])


@pytest.mark.parametrize(
    ("cause", "deaths", "alone", "reason"),
    [
        ("crashed", 3, 1, "killed_worker"),
        ("blocked", 3, 1, "blocked_worker"),
        ("killed", 6, 2, "killed_worker"),
    ],
)
async def test_who_dies_alone_once_more_is_a_letter_and_its_agent_is_not_asked(
    log: MemoryLog, cause: Cause, deaths: int, alone: int, reason: str
) -> None:
    agent = Seen()

    await run_effect(log, agent, starts(place_of(log, "bad"), deaths, alone=alone, cause=cause))

    ((said, detail),) = letters(log)
    assert (said, f"{deaths} starts without an end, {alone} of them" in detail) == (reason, True)
    assert ("bad" in agent.together, sorted(enriched(log))) == (False, ["a", "b", "c", "d"])


async def test_three_kills_from_outside_do_not_even_make_a_suspect(log: MemoryLog) -> None:
    agent = Seen()

    await run_effect(log, agent, starts(place_of(log, "bad"), 3, cause="killed"))

    assert agent.together["bad"] == {"a", "b", "bad", "c", "d"}


@pytest.mark.parametrize("kind", ["pure", "effect"])
async def test_starts_of_a_topic_that_is_no_more_blame_nobody_in_its_successor(
    log: MemoryLog, kind: str
) -> None:
    before = place_of(log, "bad")._replace(topic_id="id-of-one-that-was-deleted")
    known = starts(before, 3, alone=1)

    await (
        run_pure(log, known, MemoryJournal()) if kind == "pure" else run_effect(log, Seen(), known)
    )

    assert (letters(log), sorted(enriched(log))) == ([], ["a", "b", "bad", "c", "d"])


async def test_in_a_pure_step_a_convicted_record_is_a_letter_too(log: MemoryLog) -> None:
    await run_pure(log, starts(place_of(log, "bad"), 3, alone=1), MemoryJournal())

    assert [reason for reason, _ in letters(log)] == ["killed_worker"]
    assert enriched(log) == ["a", "b", "c", "d"]


async def test_a_pure_step_notes_the_one_record_that_it_works_on(log: MemoryLog) -> None:
    journal = MemoryJournal()

    await run_pure(log, [], journal)

    assert journal.left == ()


async def test_a_record_that_is_committed_is_suspected_no_more(log: MemoryLog) -> None:
    store = MemoryStarts(set(starts(place_of(log, "bad"), 2)))
    clock = FastClock()
    suspects = Suspects([STEP], store, clock)
    await suspects.look()

    suspects.finished(STEP, {place_of(log, "bad").partition: place_of(log, "bad").offset + 1})

    assert suspects.known == {}
    keeping = asyncio.create_task(suspects.keep())
    await until(lambda: not store.kept)
    keeping.cancel()


@pytest.mark.parametrize("kind", ["pure", "effect"])
async def test_what_was_finished_by_one_who_died_then_is_suspected_no_more(
    log: MemoryLog, kind: str
) -> None:
    place = place_of(log, "bad")
    log.progress[STEP, place.partition] = Progress(log.end(place.partition))
    suspects = Suspects([STEP], MemoryStarts(set(starts(place, 2))), FastClock())
    await suspects.look()
    guard = Guard(MemoryJournal(), lambda: suspects.known, suspects.finished)
    lane = MemoryLane(log, STEP, (CAMERA_EVENTS.name,))
    tools = (lane, MemoryMedia(), Tally(), FastClock(), guard)
    if kind == "pure":
        pure = Pure(name=STEP, reads=CAMERA_EVENTS, runs=good, writes=(ENRICHED,))
        await run(PureRuntime(pure, *tools), lane)
    else:
        effect = Effect(
            name=STEP,
            reads=CAMERA_EVENTS,
            runs=Seen(),
            writes=(ENRICHED,),
            in_flight=8,
            time_limit_s=9,
        )
        runtime = EffectRuntime(effect, *tools)
        await run(runtime, lane)
        await runtime.stop()

    assert suspects.known == {}


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110  # what is waited for is the state of somebody else
            await asyncio.sleep(0)


@dataclass
class Left:
    """A journal of a dead worker."""

    starts: tuple[Start, ...]
    forgotten: bool = False

    def forget(self) -> None:
        self.forgotten = True


class Away(MemoryStarts):
    """A store that is away until somebody brings it back."""

    def __init__(self) -> None:
        super().__init__()
        self.back = False

    async def add(self, starts: Collection[Start]) -> None:
        if not self.back:
            raise StoreAway("no such host")
        await super().add(starts)


async def test_while_the_store_is_away_the_journals_are_known_and_kept(log: MemoryLog) -> None:
    left, store = Left(tuple(starts(place_of(log, "bad"), 1))), Away()
    suspects = Suspects([STEP], store, FastClock(), [left])

    await suspects.look()

    assert (len(suspects.known), left.forgotten) == (1, False)
    store.back = True
    keeping = asyncio.create_task(suspects.keep())
    await until(lambda: left.forgotten)
    keeping.cancel()
    assert (len(suspects.known), len(store.kept)) == (1, 1)
