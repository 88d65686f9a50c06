"""Calls of an agent under a hard time limit: what can't be ended is given up, and counted.

A call that is cancelled may catch that and go on. Nothing can end it but the end of the process; so
whoever waited gets the verdict, and the call is left to itself.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

R = TypeVar("R")

GRACE_S: Final = 2.0
"""What a call that was cancelled may take to clean up behind itself."""


class CallTimedOut(Exception):  # noqa: N818  # says what became of it
    """The call ran out of time and was ended."""


class CallAbandoned(CallTimedOut):
    """The call ran out of time and goes on all the same."""


class Calls:
    """The calls of one step that are under way, and those that were given up."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[object]] = set()
        self._abandoned: set[asyncio.Task[object]] = set()
        self._let_go: set[asyncio.Task[object]] = set()

    @property
    def under_way(self) -> int:
        """Calls that somebody waits for."""
        return len(self._under_way) - len(self._abandoned)

    @property
    def abandoned(self) -> int:
        """Calls that go on though nobody waits for them any more."""
        return len(self._abandoned)

    @property
    def strays(self) -> int:
        """Calls that may still do harm though nobody waits for them: who runs beside is not alone.

        Beside those that were given up, those whose record was taken away and that did not end yet.
        """
        return len(self._abandoned | self._let_go)

    async def within(self, limit_s: float, call: Coroutine[object, object, R]) -> R:
        """What the call returns or raises.

        Raises CallTimedOut when it took longer and was ended, CallAbandoned when it can't be.
        """
        task = asyncio.create_task(_contained(call))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait((task,), timeout=limit_s)
            if not task.done():
                await self._end(task)
                raise CallAbandoned if task in self._abandoned else CallTimedOut
        finally:
            if not task.done() and task.cancel():  # we were cancelled: nobody waits for it now
                self._let_go.add(task)
        if task.cancelled():
            text = "the agent raised CancelledError, though nobody had cancelled it"
            raise RuntimeError(text)
        return task.result()

    async def close(self) -> None:
        """Gives what is still under way the grace to end."""
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)

    async def _end(self, task: asyncio.Task[R]) -> None:
        task.cancel()
        await asyncio.wait((task,), timeout=GRACE_S)
        if not task.done():
            self._abandoned.add(task)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._under_way.discard(task)
        self._abandoned.discard(task)
        self._let_go.discard(task)
        if not task.cancelled():
            task.exception()  # of an abandoned call nobody else asks


async def _contained(call: Coroutine[object, object, R]) -> R:
    """An agent that wants to end the program ends its call."""
    try:
        return await call
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        text = f"the agent raised {type(error).__name__}: {error}"
        raise RuntimeError(text) from error
