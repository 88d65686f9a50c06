"""Batches on their way from the poll thread to the event loop, a few at a time."""

import asyncio
import threading
from collections import deque
from typing import Final

from streams.lanes import Batch

BATCHES_MAX: Final = 2
"""Polled and not yet taken; with more, polling waits a little, then pauses its partitions."""

BATCH_BYTES_MAX: Final = 8 << 20
"""About the size of a batch: large records come in batches of fewer."""

CHUNK_MAX: Final = 32
"""Messages asked for at once.

The library unpacks the headers of each of them before we see any: as many as 100,000 of 64 bytes,
out of a few bytes in the log. So a chunk has to fit into memory whatever is in it.
"""


class Portion:
    """How many records may be asked for at once, judged by the weight of those that came last."""

    def __init__(self) -> None:
        self._records = self._bytes = 0
        self._chunk = self._each = 1

    def begin(self, records_max: int) -> None:
        """A batch of at most so many."""
        self._records, self._bytes = records_max, BATCH_BYTES_MAX

    @property
    def records(self) -> int:
        """Of this batch, next; 0 when it is full."""
        return max(0, min(self._chunk, self._records, self._bytes // self._each))

    def came(self, records: int, weight: int) -> None:
        """So many bytes they are, in memory.

        A process begins with single records: maybe its predecessor died of what comes next.
        """
        self._records -= records
        self._bytes -= weight
        self._chunk = min(CHUNK_MAX, 2 * self._chunk)
        self._each = max(1, weight // records)


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
        """From the poll thread, which has ended, by this error if any; the first one stands."""
        self._failure = self._failure or error
        self._wake()

    def has_room(self) -> bool:
        """Whether another batch may be polled."""
        return len(self._batches) < BATCHES_MAX or self.stopping

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ready.set)
