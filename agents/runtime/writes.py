"""Writes of several slices: in each one after the other, and none waits for another slice's."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Final

WAITING_MAX: Final = 2
"""Of one slice: under way, and waiting for its end. While both are there, who adds waits."""


class Writes:
    """Hands each write over as soon as the one before it, of the same slice, has ended.

    After a failure nothing more of its slice is written, and whoever adds or drains hears of it;
    `watch` is given every task, to hear of it at once.
    """

    def __init__(self, watch: Callable[[asyncio.Task[None]], object] = lambda _: None) -> None:
        self._watch = watch
        self._of: defaultdict[int, deque[asyncio.Task[None]]] = defaultdict(deque)

    async def add(self, slice_: int, write: Callable[[], Awaitable[None]]) -> None:
        """Returns when the write is under way, or waits for one other. Raises what one raised."""
        writes = self._of[slice_]
        while len(writes) >= WAITING_MAX:
            await self._first(writes)
        task = asyncio.create_task(self._after(writes[-1] if writes else None, write))
        self._watch(task)
        writes.append(task)

    async def drain(self) -> None:
        """Returns when all are done. Raises what one of them raised."""
        for writes in self._of.values():
            while writes:
                await self._first(writes)

    async def stop(self) -> None:
        """Gives up what is not done."""
        writes = [write for waiting in self._of.values() for write in waiting]
        for write in writes:
            write.cancel()
        await asyncio.gather(*writes, return_exceptions=True)

    @staticmethod
    async def _first(writes: deque[asyncio.Task[None]]) -> None:
        await writes[0]
        writes.popleft()

    @staticmethod
    async def _after(
        before: asyncio.Task[None] | None, write: Callable[[], Awaitable[None]]
    ) -> None:
        if before:
            await before
        await write()
