"""What all workers know of the providers together, kept in step through the log."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from schemas.commands import Commands, SwitchProviderOrder
from schemas.providers import ProviderStates
from streams.control.ports import SharedLog
from streams.ports import Clock
from streams.providers.health.board import Board, Claim
from streams.providers.ports import Provider, ProviderError, Refusal, Reply
from streams.queries import Unavailable

log = structlog.get_logger(__name__)

LOOK_S: Final = 1.0
CONFIRM_S: Final = 5.0
"""How long an event waits to learn whose a probe is; then it goes on to the next provider."""


def _ignored(_: object) -> None:
    pass


@dataclass
class SharedHealth:
    """Implements `streams.providers.ports.Health`; `run` goes beside it as long as it is used.

    `took` hears the seconds from a state's publication until this worker has read it.
    """

    board: Board
    shared: SharedLog
    clock: Clock
    took: Callable[[float], None] = _ignored
    known: Collection[str] = ()
    """Names of all providers here, to say which of an order nobody has."""
    heeds: Callable[[Commands], None] = _ignored
    """Hears every command too."""
    _published: dict[UUID, float] = field(default_factory=dict, init=False)
    _something: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _away: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Follows the log and says what is to be said, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.shared.follow(self._read, self._heed))
            tasks.create_task(self._speak())

    async def ready(self) -> None:
        """Returns when this worker knows what the log knew."""
        await self.shared.ready()

    async def news(self) -> None:
        """Returns when this worker has read more."""
        await self._news.wait()

    async def admits(self, provider: Provider) -> Refusal | None:
        """None when it may be asked now; a probe only once the log says that it is ours."""
        while True:
            verdict = self.board.wants(provider, self.clock.now())
            if not isinstance(verdict, Claim):
                return verdict
            try:
                async with asyncio.timeout(CONFIRM_S):
                    await self._decided(verdict)
            except TimeoutError:
                detail = "it may be back, and the log did not say in time who tries it"
                return Refusal("breaker_open", detail, verdict.state.why.error_class)
            if self.board.holds(verdict):
                return None

    def saw(self, provider: Provider, result: Reply | ProviderError) -> None:
        """How a turn ended; what follows holds here at once."""
        self.board.saw(provider, result, self.clock.now())
        self._something.set()

    async def _decided(self, claim: Claim) -> None:
        self._something.set()
        try:
            while self.board.undecided(claim):
                await self.news()
        finally:
            self.board.withdraw(claim)

    def _read(self, state: ProviderStates) -> None:
        self.board.read(state)
        if (began := self._published.pop(state.id, None)) is not None:
            self.took(self.clock.monotonic() - began)
        self._tell()

    def _heed(self, command: Commands) -> None:
        self.board.orders.apply(command)
        if self.known and isinstance(command, SwitchProviderOrder):
            unknown = [name for name in command.order if name not in self.known]
            if unknown:
                log.warning("health.unknown_provider", names=unknown, by=command.issued_by)
        self.heeds(command)
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
        self._something.set()

    async def _speak(self) -> None:
        await self.shared.ready()
        while True:
            self.board.look(self.clock.now())
            ends, happened = self.clock.monotonic() + LOOK_S, False
            while (left_s := ends - self.clock.monotonic()) > 0:
                await self._say()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        happened |= await self._something.wait()
                self._something.clear()
            if not happened and not self.board.unsettled:
                await self._something.wait()

    async def _say(self) -> None:
        """Everything, in order; what the log does not take now is tried again a second later."""
        for state in list(self.board.outbox()):
            self._published.setdefault(state.id, self.clock.monotonic())
            try:
                await self.shared.append(state)
            except Unavailable as error:
                if not self._away:
                    log.warning("health.unshared", state=state.correlation_id, error=str(error))
                self._away = True
                return
            self._away = False
            self.board.sent(state)
