"""One run of the demo: services, topics, tables, cameras, a worker, an API; then life on the site.

Whatever happens, what was started is stopped: by contexts on the way out, by the kernel when we are
killed.
"""

import asyncio
import fcntl
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

from connectors.kafka.publisher import KafkaPublisher
from infra.demo.accounting import Balance, Ledger
from infra.demo.evidence import Log, Rows
from infra.demo.following import Following
from infra.demo.processes import Kept, Program, free_port, program, ready
from infra.demo.site import CAMERAS, Site
from infra.demo.upstream import Pace, Upstream
from infra.demo.video import make_clips
from infra.demo.view import PUBLISHING, Board
from infra.endpoints import cluster, endpoints
from infra.prepare import prepare
from infra.services.embedded import find, running
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings

SEED: Final = 1
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


class Screen(Protocol):
    """Where people watch."""

    def say(self, text: str) -> None:
        """One line."""
        ...

    def live(self, board: Board) -> AbstractContextManager[None]:
        """Shows the board as long as the context lasts."""
        ...


class Interrupted(BaseException):
    """A signal asked us to stop at once; there is no balance."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@dataclass
class Stopping:
    """What signals do: the first Ctrl-C ends the publishing, everything else ends the demo."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    publishing: bool = False
    ending: bool = False
    _task: asyncio.Task[Result] | None = None
    _number: int = 0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler; Python runs it in the main thread."""
        if self.ending:
            return  # stopping takes a moment; impatience must not cut it off
        if self._task is None:
            self.ending = True
            raise Interrupted(number)
        loop = self._task.get_loop()
        if number == signal.SIGINT and self.publishing and not self.asked.is_set():
            loop.call_soon_threadsafe(self.asked.set)
            return
        self._number = self._number or number
        loop.call_soon_threadsafe(self._task.cancel)

    def run(self, demo: "Demo", plan: Plan) -> Result:
        """Runs the demo's loop. Raises Interrupted."""

        async def main() -> Result:
            self._task = asyncio.current_task()
            return await demo.run(plan, self)

        try:
            return asyncio.run(main())
        except asyncio.CancelledError as error:
            raise Interrupted(self._number) from error
        finally:
            self.ending = True


def run(settings: Settings, plan: Plan, screen: Screen) -> Result:
    """The whole demo. Raises Interrupted, ServicesFailed and what else a person can mend."""
    stopping, began = Stopping(), time.monotonic()
    place = settings.folder / "demo"
    with ExitStack() as stack:
        stack.enter_context(_handled(stopping))
        stack.enter_context(_sole(place))
        pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="videos"))
        videos = pool.submit(make_clips, place, SEED)
        found = _services(stack, settings, screen)
        screen.say("Making topics and tables ...")
        prepare(settings, found, say=lambda _: None)
        children = stack.enter_context(program(settings))
        if not videos.done():
            screen.say("Making the videos of the cameras ...")
        site = Site(f"{time.time_ns() // 1_000_000:x}", SEED, videos.result())
        return stopping.run(Demo(settings, found, children, site, screen, began), plan)


@dataclass(frozen=True)
class Demo:
    """Everything that stands before the first event."""

    settings: Settings
    found: Endpoints
    children: Program
    site: Site
    screen: Screen
    began: float

    async def run(self, plan: Plan, stopping: Stopping) -> Result:
        """From the first camera to the balance."""
        kafka = cluster(self.settings, self.found)
        ledger, board = Ledger(), Board(self.began, psql="./vidette psql")
        async with AsyncExitStack() as stack:
            publisher = KafkaPublisher(kafka)
            stack.push_async_callback(publisher.close)
            upstream = Upstream(self.site, publisher, ledger)
            await upstream.register()
            worker, api = self._started(board)
            log = Log(kafka)
            stack.push_async_callback(log.close)
            await log.begin()
            rows = Rows(self.found.database_url, [camera.id for camera in CAMERAS])
            stack.push_async_callback(rows.close)
            await ready(worker.child)
            following = Following(board, ledger, rows, log, worker, (api,))
            upstream.seen = following.sent
            life = Life(upstream, following)
            with self.screen.live(board):
                return await life.run(plan, stopping)

    def _started(self, board: Board) -> tuple[Kept, Kept]:
        wanted, host = self.settings.api_port, self.settings.api_host
        port = free_port(host, wanted)
        if port != wanted:
            self.screen.say(f"Port {wanted} is taken, so the API is on port {port}.")
        shown_host = f"[{host}]" if ":" in host else host
        board.api = f"http://{shown_host}:{port}/api/v1/events"
        self.screen.say("Starting the worker and the API ...")
        return Kept(self.children.worker), Kept(lambda: self.children.api(port))


@dataclass(frozen=True)
class Life:
    """Publishing and following, side by side."""

    upstream: Upstream
    following: Following

    async def run(self, plan: Plan, stopping: Stopping) -> Result:
        """Publishes as planned, waits for every outcome, compares."""
        board, stop = self.following.board, stopping.asked
        board.phase = PUBLISHING
        stopping.publishing = True
        publishing = asyncio.create_task(self.upstream.publish(Pace.of(plan.events), stop))
        tasks = [
            publishing,
            asyncio.create_task(self.following.log.run()),
            asyncio.create_task(self.following.steps()),
        ]
        if plan.seconds is not None:
            asyncio.get_running_loop().call_later(plan.seconds, stop.set)
        try:
            trouble = await self.following.until_all(publishing)
            stop.set()
            balance = await self.following.balance()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Result(balance, time.monotonic() - board.began, trouble)


def _services(stack: ExitStack, settings: Settings, screen: Screen) -> Endpoints:
    """Those that are set; else the embedded ones, which are started unless they run already."""
    external = settings.kafka_bootstrap_servers and settings.database_url
    if not external and find(settings.folder) is None:
        services = running(settings.folder, screen.say, cache_folder=settings.cache_folder)
        stack.enter_context(services)
    return endpoints(settings)


def _short(path: Path) -> str:
    """As a person here would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


@contextmanager
def _handled(stopping: Stopping) -> Iterator[None]:
    before: Mapping[int, object] = {n: signal.signal(n, stopping) for n in SIGNALS}
    try:
        yield
    finally:
        stopping.ending = True
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal gave us


@contextmanager
def _sole(folder: Path) -> Iterator[None]:
    """One demo at a time in a folder: two would fence each other's workers."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "demo.lock").open("a")
    except OSError as error:
        text = f"can't write to {folder} ({error.strerror}): choose another with --folder."
        raise ServicesFailed(text) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = f"a demo runs in {folder.parent} already: stop it, or choose another --folder."
            raise ServicesFailed(text) from error
        yield
