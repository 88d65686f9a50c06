"""Workers that share what they know of providers through a real Kafka."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from agents.health import SharedHealth
from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.shared import KafkaShared
from streams.control import records
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.providers.ports import Profile
from tests.streams.health.scene import ANSWER, OPENAI, Still, failure, lift

OTHER_KEY = Still(profile=Profile(fingerprint="bbbb"))
WAIT_S = 30.0
ROUNDS = 20


@dataclass
class Ahead(SystemClock):
    """The machine's time, and as many seconds more as the test says."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.seconds)


@dataclass
class Site:
    """Workers, each with a producer and consumers of its own."""

    cluster: Cluster
    stack: AsyncExitStack
    clock: Ahead = field(default_factory=Ahead)
    took: list[float] = field(default_factory=list)
    started: int = 0

    async def worker(self) -> SharedHealth:
        self.started += 1
        publisher = KafkaPublisher(self.cluster)
        self.stack.push_async_callback(publisher.close)
        board = Board(By(f"w{self.started}", 30.0))
        shared = KafkaShared(self.cluster, publisher)
        health = SharedHealth(board, shared, self.clock, self.took.append)
        await self.stack.enter_async_context(running(health))
        return health

    async def workers(self, count: int) -> list[SharedHealth]:
        return [await self.worker() for _ in range(count)]


@asynccontextmanager
async def running(health: SharedHealth) -> AsyncIterator[None]:
    task = asyncio.create_task(health.run())
    try:
        async with asyncio.timeout(WAIT_S):
            await health.ready()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def site(cluster: Cluster) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(cluster, stack)


def open_breaker(health: SharedHealth) -> None:
    for _ in range(5):
        health.saw(OPENAI, failure("timeout"))


async def why_not(health: SharedHealth, provider: Still = OPENAI) -> str | None:
    refusal = await health.admits(provider)
    return refusal.reason if refusal else None


async def until_read(health: SharedHealth, state: str) -> None:
    """Returns when the worker knows of this state of the breaker from the log."""
    async with asyncio.timeout(WAIT_S):
        while (found := health.board.states.breaker("openai")) is None or found.state != state:
            await health.news()


async def test_one_opens_and_the_others_stop_once_they_have_read_it(site: Site) -> None:
    workers = await site.workers(3)
    open_breaker(workers[0])

    for worker in workers:
        await until_read(worker, "open")

    assert [await why_not(w) for w in workers] == ["breaker_open"] * 3


async def test_of_all_who_want_to_probe_exactly_one_does_and_its_answer_lets_all_in(
    site: Site,
) -> None:
    workers = await site.workers(3)
    open_breaker(workers[0])
    for worker in workers:
        await until_read(worker, "open")
    site.clock.seconds = 61.0

    wanted = [worker for worker in workers for _ in range(4)]
    answers = await asyncio.gather(*[why_not(w) for w in wanted])
    assert sorted(map(str, answers)) == ["None", *["probe_taken"] * 11]

    wanted[answers.index(None)].saw(OPENAI, ANSWER)
    for worker in workers:
        await until_read(worker, "closed")
    assert [await why_not(w) for w in workers] == [None] * 3


async def test_a_restart_remembers(site: Site) -> None:
    first = await site.worker()
    open_breaker(first)
    await until_read(first, "open")

    assert await why_not(await site.worker()) == "breaker_open"


async def test_a_wrong_key_is_remembered_and_a_new_key_or_an_operator_lifts_it(site: Site) -> None:
    first = await site.worker()
    first.saw(OPENAI, failure("auth"))
    async with asyncio.timeout(WAIT_S):
        while not list(first.board.states.all()):
            await first.news()
    second = await site.worker()
    before = [await why_not(second, key) for key in (OPENAI, OTHER_KEY)]

    publisher = KafkaPublisher(site.cluster)
    await publisher.publish(records.command(lift(1), "cli"))
    await publisher.close()
    async with asyncio.timeout(WAIT_S):
        while await why_not(second):
            await second.news()

    assert before == ["blacklisted", None]


async def test_transitions_reach_the_others_and_it_is_told_how_fast(site: Site) -> None:
    first, second = await site.workers(2)
    loop, took = asyncio.get_running_loop(), list[float]()
    for turn in range(ROUNDS):
        began = loop.time()
        open_breaker(first)
        await until_read(second, "open")
        took.append(loop.time() - began)
        await until_read(first, "open")
        site.clock.seconds = 61.0 * (turn + 1)
        assert await why_not(first) is None
        first.saw(OPENAI, ANSWER)
        await until_read(second, "closed")
        await until_read(first, "closed")

    sys.stdout.write(
        f"a breaker opened elsewhere is known after {sorted(took)[ROUNDS // 2] * 1000:.1f} ms,"
        f" at most {max(took) * 1000:.1f} ms; read back by its worker after at most"
        f" {max(site.took) * 1000:.1f} ms ({len(site.took)} transitions)\n"
    )
    assert len(site.took) == 3 * ROUNDS
