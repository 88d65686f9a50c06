"""Who is in a process at the same time: a crowd, or one alone; first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Crowd:
    """A lock that any number hold together, or one alone.

    Turns are taken in order of arrival, so neither kind starves the other.
    """

    _inside: int = 0
    _is_alone: bool = False
    _queue: "deque[tuple[bool, asyncio.Future[None]]]" = field(default_factory=deque)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """With others who don't mind."""
        await self._enter(alone=False)
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """When everybody who came before has left, and before anybody who comes later."""
        await self._enter(alone=True)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, *, alone: bool) -> None:
        if not self._queue and self._fits(alone=alone):
            self._admit(alone=alone)
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append((alone, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was our turn already
            else:
                self._queue.remove((alone, turn))
                self._call()
            raise

    def _fits(self, *, alone: bool) -> bool:
        return not self._inside if alone else not self._is_alone

    def _admit(self, *, alone: bool) -> None:
        self._inside += 1
        self._is_alone = alone

    def _leave(self) -> None:
        self._inside -= 1
        self._is_alone = False
        self._call()

    def _call(self) -> None:
        while self._queue and self._fits(alone=self._queue[0][0]):
            alone, turn = self._queue.popleft()
            if not turn.cancelled():
                self._admit(alone=alone)
                turn.set_result(None)
