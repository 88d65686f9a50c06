"""Simulated vendors beside a program that is no coroutine: a loop of their own, in a thread."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Final, TypeVar

from infra.fakes.modes import Mode
from infra.fakes.server import Fake

T = TypeVar("T")
ANSWER_S: Final = 10.0


@dataclass(frozen=True)
class Host:
    """Where they live; what they counted may be read from any thread."""

    loop: asyncio.AbstractEventLoop

    def switch(self, fake: Fake, mode: Mode) -> None:
        """From now on it answers like this."""
        self.run(fake.switch(mode))

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(ANSWER_S)


@contextmanager
def hosted(*fakes: Fake) -> Iterator[Host]:
    """These listen as long as the context lasts."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fakes", daemon=True)
    thread.start()
    host = Host(loop)
    try:
        for fake in fakes:
            host.run(fake.start())
        yield host
    finally:
        for fake in fakes:
            host.run(fake.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(ANSWER_S)
        loop.close()
