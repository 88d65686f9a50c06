"""One suite for the log that workers share: Kafka, and its twin in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.shared import KafkaShared
from connectors.memory.log import MemoryLog
from connectors.memory.publisher import LogPublisher
from connectors.memory.shared import MemoryShared
from schemas.commands import Commands
from schemas.examples.operation import BLACKLIST, BREAKER, SWITCH
from schemas.providers import ProviderStates
from streams.control import records
from streams.control.ports import SharedLog
from streams.lanes import Encoded
from streams.providers.health.states import numbered
from streams.queries import Publisher
from streams.topics import PROVIDER_STATE

WAIT_S = 30.0


@dataclass
class Reader:
    """What one worker has read so far."""

    shared: SharedLog
    states: list[ProviderStates] = field(default_factory=list)
    commands: list[Commands] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def following(self) -> AsyncIterator["Reader"]:
        task = asyncio.create_task(self.shared.follow(self._state, self._command))
        try:
            async with asyncio.timeout(WAIT_S):
                await self.shared.ready()
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, enough: Callable[["Reader"], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough(self):
                self.news.clear()
                await self.news.wait()

    def _state(self, state: ProviderStates) -> None:
        self.states.append(state)
        self.news.set()

    def _command(self, command: Commands) -> None:
        self.commands.append(command)
        self.news.set()


@dataclass(frozen=True)
class Bench:
    """A log, and a way for workers to it."""

    publisher: Publisher
    open: Callable[[], SharedLog]


@pytest.fixture(params=["memory", "kafka"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        log = MemoryLog()
        yield Bench(LogPublisher(log), lambda: MemoryShared(log))
        return
    cluster = request.getfixturevalue("cluster")
    publisher = KafkaPublisher(cluster)
    yield Bench(publisher, lambda: KafkaShared(cluster, publisher))
    await publisher.close()


STATES = tuple(numbered(BREAKER, version) for version in range(1, 6))
OTHERS = tuple(
    numbered(msgspec.structs.replace(BREAKER, provider=name), 1) for name in ("a", "b", "c")
)


async def test_who_comes_later_is_ready_when_it_has_read_everything(bench: Bench) -> None:
    writer = bench.open()
    for state in (*STATES, *OTHERS):
        await writer.append(state)
    await bench.publisher.publish(records.command(SWITCH, "cli"))

    async with Reader(bench.open()).following() as reader:
        assert {state.id for state in reader.states} == {s.id for s in (*STATES, *OTHERS)}
        assert reader.commands == [SWITCH]


async def test_states_of_one_key_come_to_all_in_the_order_in_which_they_were_written(
    bench: Bench,
) -> None:
    first, second = Reader(bench.open()), Reader(bench.open())
    async with first.following(), second.following():
        await asyncio.gather(*[first.shared.append(state) for state in STATES])
        for reader in (first, second):
            await reader.until(lambda r: len(r.states) == len(STATES))

    assert first.states == second.states


async def test_a_worker_reads_what_it_wrote_itself(bench: Bench) -> None:
    async with Reader(bench.open()).following() as reader:
        await reader.shared.append(BREAKER)

        await reader.until(lambda r: r.states == [BREAKER])


async def test_commands_come_while_we_follow(bench: Bench) -> None:
    async with Reader(bench.open()).following() as reader:
        await bench.publisher.publish(records.command(BLACKLIST, "cli"))

        await reader.until(lambda r: r.commands == [BLACKLIST])


async def test_what_is_no_word_is_passed_over(bench: Bench) -> None:
    await bench.publisher.publish(Encoded(PROVIDER_STATE.name, b"openai/breaker", b"{", ()))
    writer = bench.open()
    await writer.append(BREAKER)

    async with Reader(bench.open()).following() as reader:
        assert reader.states == [BREAKER]
