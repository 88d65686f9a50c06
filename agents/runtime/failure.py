"""What goes wrong between batches: noted where it happens, waited for by who runs the step.

A step that can't go on must say so at once, not when its next batch comes, which may be never. And
it takes no batch after the one that failed: progress would be committed over what nobody finished.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class Failure:
    """The first error of a step's background tasks."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._happened = asyncio.Event()

    def watch(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Notes what the task raises, if anything; being cancelled is no failure."""
        task.add_done_callback(self._ended)
        return task

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Around the handling of a batch: after the first error every later batch is refused."""
        self.check()
        try:
            yield
        except Exception as error:
            self._note(error)
            raise

    def check(self) -> None:
        """Raises the error, if there is one."""
        if self._error:
            raise self._error

    async def wait(self) -> NoReturn:
        """Raises the error as soon as there is one."""
        await self._happened.wait()
        self.check()
        raise AssertionError  # an error is noted before it is told

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._note(error)

    def _note(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self._happened.set()
