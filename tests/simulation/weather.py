"""Trouble between processes and servers, drawn from one seed: late, lost, answered in vain."""

import asyncio
import random
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Final, TypeVar

from connectors.memory.network import Unclear
from tests.simulation.virtual import Process, VirtualLoop

R = TypeVar("R")

GIVES_UP_S: Final = 2.0
"""How long a client waits for an answer."""

SERVER: Final = Context()
"""Servers are not killed with their clients."""


@dataclass
class Weather:
    """What everybody lives under."""

    loop: VirtualLoop
    chance: random.Random
    trouble: float = 0.0
    """Of so many calls the request or the answer gets lost, or the request comes too late."""
    away: set[str] = field(default_factory=set)
    """Servers that nobody can reach now."""


@dataclass(frozen=True)
class Path:
    """One process's way to one server. Implements `connectors.memory.network.Network`."""

    weather: Weather
    process: Process
    server: str

    async def call(self, asked: Callable[[], R]) -> R:
        chance, loop = self.weather.chance, self.weather.loop
        answer: asyncio.Future[R] = loop.create_future()
        delay_s = chance.random() * 0.01
        if self.server in self.weather.away:
            loop.call_later(delay_s, _refuse, answer, context=SERVER)
            return await answer
        request: float | None = delay_s
        back: float | None = chance.random() * 0.01
        if chance.random() < self.weather.trouble:
            request, back = chance.choice(
                (
                    (None, 0.0),
                    (delay_s, None),
                    (GIVES_UP_S + chance.random() * 5, None),
                    (chance.random() * 5, 0.0),
                )
            )
        if request is not None:
            loop.call_later(request, _serve, loop, asked, answer, back, context=SERVER)
        limit = loop.call_later(GIVES_UP_S, _refuse, answer, context=SERVER)
        try:
            return await answer
        finally:
            limit.cancel()

    def tell(self, heard: Callable[[], None]) -> None:
        chance = self.weather.chance
        late = chance.random() < self.weather.trouble
        delay_s = chance.random() * (5.0 if late else 0.05)
        self.weather.loop.call_later(delay_s, heard, context=self.process.context)


def _serve(
    loop: VirtualLoop,
    asked: Callable[[], R],
    answer: "asyncio.Future[R]",
    back_s: float | None,
) -> None:
    try:
        result = asked()
    except Exception as error:  # noqa: BLE001  # the server's no is an answer too
        if back_s is not None:
            loop.call_later(back_s, _fail, answer, error)
    else:
        if back_s is not None:
            loop.call_later(back_s, _answer, answer, result)


def _answer(answer: "asyncio.Future[R]", result: R) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[R]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _refuse(answer: "asyncio.Future[R]") -> None:
    if not answer.done():
        answer.set_exception(Unclear("no answer"))
