"""Batches on their way from the poll thread to the event loop, a few at a time."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence, Sized
from typing import Final

from streams.lanes import Batch

BATCHES_MAX: Final = 2
"""Polled and not yet taken; with more, polling waits a little, then pauses its partitions."""

BATCH_BYTES_MAX: Final = 8 << 20
"""About the size of a batch: large records come in batches of fewer."""


class Portion:
    """How many records the next batch may have, judged by the size of those that came last."""

    def __init__(self, records_max: int) -> None:
        self._records_max = records_max
        self.records = records_max

    def came(self, values: Sequence[Sized]) -> None:
        """So large was what was polled."""
        size = sum(map(len, values))
        if size:
            fitting = BATCH_BYTES_MAX * len(values) // size
            self.records = max(1, min(self._records_max, fitting))


class Backlog:
    """Made on the event loop that takes; the poll thread puts."""

    def __init__(self) -> None:
        self.stopping = False
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._room = threading.Condition()
        self._batches: deque[Batch] = deque()
        self._failure: BaseException | None = None

    async def take(self) -> Batch:
        """The next batch. Raises what ended the poll thread."""
        while True:
            if self._batches:
                with self._room:
                    batch = self._batches.popleft()
                    self._room.notify()
                return batch
            if self._failure:
                raise self._failure
            self._ready.clear()
            if not self._batches and not self._failure:
                await self._ready.wait()

    def stop(self) -> None:
        """Ends the poll thread, which may be waiting for room."""
        self.stopping = True
        with self._room:
            self._room.notify()

    def put(self, batch: Batch, patience_s: float) -> None:
        """From the poll thread: adds a batch, then waits for room as long as that."""
        with self._room:
            self._batches.append(batch)
            self._wake()
            self._room.wait_for(self.has_room, patience_s)

    def fail(self, error: BaseException | None) -> None:
        """From the poll thread, which has ended, by this error if any."""
        self._failure = error
        self._wake()

    def has_room(self) -> bool:
        """Whether another batch may be polled."""
        return len(self._batches) < BATCHES_MAX or self.stopping

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ready.set)
