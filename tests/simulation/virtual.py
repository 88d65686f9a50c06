"""Virtual time, and processes that can be killed and frozen: a small event loop of our own.

When nothing can run, time jumps to the next timer. Every callback belongs to the process in whose
context it was made: a killed process runs nothing any more, not even `finally`; a frozen one
(SIGSTOP) runs everything it missed when it goes on.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, TypeVar

T = TypeVar("T")

START: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPINS_MAX: Final = 20_000
"""Rounds of the loop without any progress of time; more is a livelock."""

PROCESS: Final[ContextVar["Process | None"]] = ContextVar("PROCESS", default=None)


class Stalled(Exception):  # noqa: N818  # a state
    """Nothing will ever happen again, or everything happens at once for ever."""


@dataclass(eq=False)
class Process:
    """What kill -9, SIGSTOP and SIGCONT act upon."""

    loop: "VirtualLoop"
    alive: bool = True
    frozen: bool = False
    _missed: list[asyncio.Handle] = field(default_factory=list)
    context: Context = field(init=False)

    def __post_init__(self) -> None:
        self.context = copy_context()
        self.context.run(PROCESS.set, self)

    def start(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Runs this in the process."""
        return self.context.run(self.loop.create_task, work)

    def kill(self) -> None:
        """Nothing of it runs any more."""
        self.alive = False
        self._missed.clear()

    def freeze(self) -> None:
        """Nothing of it runs until it is thawed."""
        self.frozen = True

    def thaw(self) -> None:
        """Everything that it missed runs."""
        self.frozen = False
        missed, self._missed = self._missed, []
        self.loop.run_again(missed)

    def holds_up(self, handle: asyncio.Handle) -> bool:
        """Whether the callback may not run now."""
        if not self.alive:
            return True
        if self.frozen:
            self._missed.append(handle)
        return self.frozen


class Callback(asyncio.Handle):
    """A callback of a process."""

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        context = copy_context() if context is None else context  # an empty one is false
        super().__init__(callback, args, loop, context)
        self.process = context.get(PROCESS)

    def _run(self) -> None:
        if self.process is None or not self.process.holds_up(self):
            super()._run()


class Timer(asyncio.TimerHandle):
    """A callback of a process for later."""

    _scheduled: bool

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        context = copy_context() if context is None else context  # an empty one is false
        super().__init__(when, callback, args, loop, context)
        self.process = context.get(PROCESS)

    def _run(self) -> None:
        if self.process is None or not self.process.holds_up(self):
            super()._run()


class Numbered(asyncio.Task[T]):
    """A task whose place in a set does not hang on where it lies in memory."""

    def __init__(self, *args: object, number: int, **options: object) -> None:
        self.number = number
        super().__init__(*args, **options)  # type: ignore[arg-type]  # passed on as they came

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without sockets and threads, whose time costs nothing."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._spins = 0
        self._selector = self
        self._numbers = count()
        self.set_task_factory(self._numbered)  # type: ignore[arg-type]  # looser than asked for

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> tuple[()]:
        """What the loop calls to wait for sockets: here time passes. Raises Stalled."""
        if timeout is None:
            raise Stalled("everything waits for something that will never happen")
        self._spins = 0 if timeout else self._spins + 1
        if self._spins > SPINS_MAX:
            raise Stalled("time stands still")
        self._now += timeout
        return ()

    def run_again(self, handles: list[asyncio.Handle]) -> None:
        """Runs callbacks that were held up."""
        self._ready.extend(handle for handle in handles if not handle.cancelled())

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # noqa: SLF001  # as the loop that we stand in for does
        return timer

    def _call_soon(
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        context: Context | None,
    ) -> asyncio.Handle:
        handle = Callback(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _process_events(self, events: tuple[()]) -> None:
        """There are no sockets."""

    def _numbered(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[object, object, T], **options: object
    ) -> asyncio.Task[T]:
        return Numbered(work, loop=loop, number=next(self._numbers), **options)


@dataclass(frozen=True)
class VirtualClock:
    """A process's clock: the loop's time, and for the time of day its own error."""

    loop: VirtualLoop
    skew_s: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time() + self.skew_s)

    def monotonic(self) -> float:
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
