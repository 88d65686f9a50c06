"""One run of the demo: services, topics, tables, cameras, a worker, an API; then life on the site.

Whatever happens, what was started is stopped: contexts on the way out, the kernel when we are killed.
"""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from infra import migrate
from infra.cli.topics import apply_topics, layout, shown
from infra.demo.accounting import Balance, Ledger
from infra.demo.evidence import Log, Rows
from infra.demo.following import Following
from infra.demo.processes import Program, free_port, metrics_url, program
from infra.demo.site import CAMERAS, Site
from infra.demo.upstream import Pace, Upstream
from infra.demo.video import make_clips
from infra.demo.view import Board
from infra.endpoints import cluster, endpoints
from infra.services.embedded import find, running
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings
from streams.topic_plan import Refuse

SEED: Final = 1


@dataclass(frozen=True)
class Plan:
    """How long: so many camera events, or so many seconds, or (both None) until Ctrl-C."""

    events: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Result:
    """The balance, the whole run's length, and what went wrong on the way, if anything."""

    balance: Balance
    seconds: float
    trouble: str = ""


class Interrupted(BaseException):
    """A signal asked us to stop at once; there is no balance."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Screen(Protocol):
    """Where people watch."""

    def say(self, text: str) -> None:
        """One line, above the live view."""
        ...

    def live(self, board: Board) -> AbstractContextManager[None]:
        """Shows the board as long as the context lasts."""
        ...


def run(settings: Settings, plan: Plan, screen: Screen) -> Result:
    """The whole demo. Raises ServicesFailed and what else a person can mend; Interrupted."""
    with ExitStack() as stack:
        stack.enter_context(_stoppable())
        stack.enter_context(_sole(settings.folder / "demo"))
        stack.callback(_ignore_signals)  # stopping takes a moment; impatience must not cut it off
        pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="videos"))
        videos = pool.submit(make_clips, settings.folder / "demo", SEED)
        found = _services(stack, settings, screen.say)
        children = stack.enter_context(program(settings))
        stack.callback(_ignore_signals)
        screen.say("Making the cameras' videos ..." if not videos.done() else "")
        demo = Demo(settings, found, children, Site(_run_name(), SEED, videos.result()), screen)
        with asyncio.Runner() as runner:
            return runner.run(demo.run(plan))


@dataclass(frozen=True)
class Demo:
    """Everything that stands before the first event."""

    settings: Settings
    found: Endpoints
    children: Program
    site: Site
    screen: Screen

    async def run(self, plan: Plan) -> Result:
        """From empty topics to the balance."""
        kafka = cluster(self.settings, self.found)
        await self._prepared(kafka)
        ...
