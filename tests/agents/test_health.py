"""Workers that share one log in memory, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from agents.health import SharedHealth
from connectors.memory.log import MemoryLog
from connectors.memory.network import Unclear
from connectors.memory.publisher import LogPublisher
from connectors.memory.shared import MemoryShared
from schemas.examples.operation import SWITCH
from streams.control import records
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.topics import PROVIDER_STATE
from tests.simulation.virtual import VirtualClock, VirtualLoop
from tests.streams.health.scene import ANSWER, OPENAI, blacklist, failure, lift

R = TypeVar("R")


@dataclass
class Line:
    """A way to the log that can be cut; what is said meanwhile is heard later."""

    cut: bool = False
    missed: list[Callable[[], None]] = field(default_factory=list)

    async def call(self, asked: Callable[[], R]) -> R:
        if self.cut:
            raise Unclear("cut")
        return asked()

    def tell(self, heard: Callable[[], None]) -> None:
        if self.cut:
            self.missed.append(heard)
        else:
            asyncio.get_running_loop().call_soon(heard)

    def mend(self) -> None:
        self.cut = False
        while self.missed:
            self.missed.pop()()


@dataclass
class Site:
    """Two workers at first, on one log."""

    loop: VirtualLoop
    stack: AsyncExitStack
    log: MemoryLog = field(default_factory=MemoryLog)
    line: Line = field(default_factory=Line)
    took: list[float] = field(default_factory=list)
    started: int = 0

    async def worker(self, *known: str) -> SharedHealth:
        self.started += 1
        board = Board(By(f"w{self.started}", 30.0))
        shared = MemoryShared(self.log, self.line)
        health = SharedHealth(board, shared, VirtualClock(self.loop), self.took.append, known)
        await self.stack.enter_async_context(running(health))
        return health

    @property
    def written(self) -> int:
        return len(self.log.of(PROVIDER_STATE.name))


@asynccontextmanager
async def running(health: SharedHealth) -> AsyncIterator[None]:
    task = asyncio.create_task(health.run())
    try:
        await health.ready()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def lived(story: Callable[[Site], Coroutine[object, object, None]]) -> None:
    async def all_of_it() -> None:
        async with AsyncExitStack() as stack:
            await story(Site(loop, stack))

    loop = VirtualLoop()
    try:
        loop.run_until_complete(all_of_it())
    finally:
        loop.close()


def open_breaker(health: SharedHealth) -> None:
    for _ in range(5):
        health.saw(OPENAI, failure("timeout"))


async def why_not(health: SharedHealth) -> str | None:
    refusal = await health.admits(OPENAI)
    return refusal.reason if refusal else None


def test_what_one_worker_learns_keeps_the_others_away() -> None:
    async def story(site: Site) -> None:
        first, second = await site.worker(), await site.worker()
        open_breaker(first)
        await asyncio.sleep(0.1)

        assert [await why_not(w) for w in (first, second)] == ["breaker_open", "breaker_open"]

    lived(story)


def test_a_worker_that_starts_later_knows_it_before_it_asks_anybody() -> None:
    async def story(site: Site) -> None:
        open_breaker(await site.worker())
        await asyncio.sleep(0.1)

        assert await why_not(await site.worker()) == "breaker_open"

    lived(story)


def test_of_many_who_ask_when_the_pause_is_over_exactly_one_probes() -> None:
    async def story(site: Site) -> None:
        workers = [await site.worker() for _ in range(3)]
        open_breaker(workers[0])
        await asyncio.sleep(60.1)

        answers = await asyncio.gather(*[why_not(w) for w in workers for _ in range(4)])

        assert sorted(map(str, answers)) == ["None", *["probe_taken"] * 11]

    lived(story)


def test_the_answer_to_the_probe_lets_everybody_in() -> None:
    async def story(site: Site) -> None:
        first, second = await site.worker(), await site.worker()
        open_breaker(first)
        await asyncio.sleep(60.1)
        assert await why_not(second) is None

        second.saw(OPENAI, ANSWER)
        await asyncio.sleep(0.1)

        assert [await why_not(w) for w in (first, second)] == [None, None]

    lived(story)


def test_while_the_log_is_away_a_transition_holds_for_its_worker_and_is_said_later() -> None:
    async def story(site: Site) -> None:
        first, second = await site.worker(), await site.worker()
        site.line.cut = True
        open_breaker(first)
        await asyncio.sleep(10)
        assert [await why_not(w) for w in (first, second)] == ["breaker_open", None]

        site.line.mend()
        await asyncio.sleep(2)

        assert [await why_not(w) for w in (first, second)] == ["breaker_open", "breaker_open"]

    lived(story)


def test_a_probe_that_the_log_does_not_confirm_is_not_made() -> None:
    async def story(site: Site) -> None:
        first = await site.worker()
        open_breaker(first)
        await asyncio.sleep(60.1)
        site.line.cut = True

        assert await why_not(first) == "breaker_open"

    lived(story)


def test_a_claim_whose_event_has_no_time_left_is_made_by_the_next() -> None:
    async def story(site: Site) -> None:
        first = await site.worker()
        open_breaker(first)
        await asyncio.sleep(60.1)
        site.line.cut = True
        asking = asyncio.create_task(first.admits(OPENAI))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        site.line.mend()

        assert await why_not(first) is None

    lived(story)


def test_an_operators_command_holds_for_all_and_is_a_state_on_the_log() -> None:
    async def story(site: Site) -> None:
        workers = [await site.worker(), await site.worker()]
        operator = LogPublisher(site.log)
        await operator.publish(records.command(blacklist(1), "cli"))
        await asyncio.sleep(0.1)
        listed = [await why_not(w) for w in workers]
        await asyncio.sleep(5)
        states = site.written
        await operator.publish(records.command(lift(2), "cli"))
        await asyncio.sleep(0.1)

        assert listed == ["blacklisted", "blacklisted"]
        assert [await why_not(w) for w in workers] == [None, None]
        assert states

    lived(story)


def test_two_who_open_at_once_are_quiet_after_a_while_and_know_the_same() -> None:
    async def story(site: Site) -> None:
        first, second = await site.worker(), await site.worker()
        open_breaker(first)
        open_breaker(second)
        await asyncio.sleep(5)
        quiet = site.written
        await asyncio.sleep(50)

        assert site.written == quiet <= 4
        assert first.board.breaker("openai") == second.board.breaker("openai")

    lived(story)


def test_a_name_of_an_order_that_nobody_has_is_told() -> None:
    async def story(site: Site) -> None:
        await site.worker("openai")
        with structlog.testing.capture_logs() as said:
            await LogPublisher(site.log).publish(records.command(SWITCH, "cli"))
            await asyncio.sleep(0.1)

        assert [line["names"] for line in said] == [["gemini", "anthropic"]]

    lived(story)


def test_how_long_it_took_to_agree_is_told() -> None:
    async def story(site: Site) -> None:
        first = await site.worker()
        open_breaker(first)
        await asyncio.sleep(1)

        assert len(site.took) == 1

    lived(story)


def test_a_quiet_site_does_nothing() -> None:
    async def story(site: Site) -> None:
        await site.worker()
        await asyncio.sleep(3)

        assert [timer for timer in site.loop._scheduled if not timer.cancelled()] == []  # noqa: SLF001  # the loop is ours

    lived(story)
