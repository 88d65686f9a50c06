"""The worker process: Faust keeps the agents, their supervision and the process; we bring records.

The only importer of Faust. Its own consumer and producer are off (docs/decisions/0002-faust.md):
each step is a registered Faust agent on a channel of whole batches.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import faust
import structlog
import uvloop
from confluent_kafka import KafkaException
from mode import Service

from connectors.kafka.lane import CANT_PASS
from connectors.kafka.polling import LogLost
from connectors.metrics.prometheus import serve
from connectors.postgres.sink import DAYS_AHEAD
from connectors.postgres.starts import PostgresStarts
from infra.assembly import World, ports
from infra.endpoints import cluster
from infra.operation.endings import AGAIN, FAILED, NEEDS_A_PERSON
from infra.operation.vitals import Vitals, looked_after
from infra.operation.watchdog import leave
from infra.running import Doors, Running, Shop, collect_rarely, end_all
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from infra.topology import Ports, topology
from streams.lanes import Batch
from streams.projection.ports import ReadModelError, ReadModelUnusable
from streams.steps import Step

log = structlog.get_logger(__name__)

CHANNEL_BATCHES: Final = 2
CANCEL_TIMEOUT_S: Final = 5.0
DAYS_EVERY_S: Final = 3600.0
DAY: Final = timedelta(days=1)


class WithoutKafka(faust.App.BootStrategy):
    """With only channel agents Faust's own consumer would crash: it subscribes to no topic."""

    enable_kafka = False
    enable_sensors = False
    enable_web = False


class App(faust.App):
    """Faust's app, without its Kafka, and with an end in order."""

    BootStrategy = WithoutKafka
    logger = logging.getLogger("faust")
    work: "Work"

    async def on_stop(self) -> None:
        """Finishes what is under way before any agent is stopped."""
        await self.work.finish()
        await super().on_stop()


@dataclass(frozen=True)
class Make:
    """What a worker is made of where it touches the world, and the steps that it knows."""

    world: World = field(default_factory=World)
    doors: Doors = Doors()  # noqa: RUF009  # frozen
    topology: Callable[[Ports, Settings], tuple[Step, ...]] = topology


class Work:
    """What the worker's steps share: opened when the app is up, finished before it goes."""

    def __init__(
        self, settings: Settings, found: Endpoints, steps: Sequence[str], make: Make
    ) -> None:
        self.steps = tuple(steps)
        self._make = make
        self.failure: BaseException | None = None
        self.again = False
        """Whether it ends for want of a fresh process."""
        self._settings = settings
        self._found = found
        self._stack = AsyncExitStack()
        self._ports: Ports | None = None
        self._vitals: Vitals | None = None
        self._running: dict[str, Running] = {}
        self._beginning: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._finished = False

    async def begin(self, channels: dict[str, Any]) -> None:
        """Opens the ports and joins the steps' groups; what fails ends the worker, and says so."""
        self._beginning = asyncio.create_task(self._begin(channels))
        try:
            await asyncio.wait((self._beginning,))
        finally:
            self._stop_if_failed(self._beginning)

    async def _begin(self, channels: dict[str, Any]) -> None:
        self._vitals = vitals = await self._stack.enter_async_context(
            looked_after(
                self._settings,
                self.steps,
                PostgresStarts(self._found.database_url),
                self._make.world.clock,
                self._end_for_another,
            )
        )
        port = serve(vitals.meter.registry, self._settings.metrics_port, vitals.told)
        kafka = cluster(self._settings, self._found)
        opening = ports(
            self._settings, self._found, kafka, self._fail, self._make.world, meter=vitals.meter
        )
        self._ports = opened = await self._stack.enter_async_context(opening)
        shop = Shop(kafka, self._settings, opened, vitals.meter, vitals.guard, self._make.doors)
        steps = self._make.topology(opened, self._settings)
        self._running = {step.name: shop.make(step) for step in steps if step.name in self.steps}
        vitals.running = self._running
        await vitals.suspects.look()
        await asyncio.gather(*[running.start() for running in self._running.values()])
        for name, running in self._running.items():
            self._attend(self._pump(running, channels[name]))
            self._attend(running.runtime.failure.wait())
        if "describe_again" in self._running and self._settings.slot == 0:
            self._attend(opened.repair())
        self._attend(vitals.suspects.keep())
        collect_rarely()
        vitals.ready()
        log.info(
            "worker.ready", steps=" ".join(self.steps), metrics=f"http://127.0.0.1:{port}/metrics"
        )

    def _attend(self, work: Coroutine[None, None, None]) -> None:
        """Runs this until the worker ends; when it fails, the worker ends."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._stop_if_failed)
        self._tasks.append(task)

    async def work(self, step: str, batch: Batch) -> None:
        """One batch; no exception reaches Faust, who would drop the batch and go on."""
        try:
            await self._running[step].work(batch)
        except Exception as error:  # noqa: BLE001  # whatever it is, this worker ends without a commit
            self._fail(error)

    async def make_days(self) -> None:
        """Makes the read model's partitions ahead of time; a later try does as well."""
        if self._ports is None or "project" not in self.steps:
            return
        today = self._ports.clock.now().date()
        try:
            made = await self._ports.make_days(today - DAY, today + DAYS_AHEAD)
        except ReadModelError as error:
            log.warning("read_model.days", error=str(error))
        else:
            log.info("read_model.days", made=made)

    async def finish(self) -> None:
        """No more records; what is in hand goes into the log; then everything is closed."""
        if self._finished:
            return
        self._finished = True
        if self._vitals:
            self._vitals.state = "ending"
        tasks = [*self._tasks, *filter(None, (self._beginning,))]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S) if tasks else None
        await end_all(list(self._running.values()), self._settings.drain_timeout_s)
        await self._stack.aclose()
        leave()

    @staticmethod
    async def _pump(running: Running, channel: Any) -> None:  # noqa: ANN401  # Faust's channel
        while True:
            await channel.put(await running.reader.take())

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        if task.done() and not task.cancelled() and (error := task.exception()):
            self._fail(error)

    def _end_for_another(self) -> None:
        """Ends in order, and asks whoever watches over this process for a fresh one."""
        self.again = True
        signal.raise_signal(signal.SIGTERM)

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
            log.error("worker.failed", error=str(error), kind=type(error).__name__)
            signal.raise_signal(signal.SIGTERM)  # the one way out, whoever asks for it


def run(
    settings: Settings, found: Endpoints, steps: Sequence[str], make: Make | None = None
) -> int:
    """Works until SIGTERM, SIGINT or a failure only a person can mend; the exit status."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    work = Work(settings, found, steps, make or Make())
    worker = faust.Worker(
        _app(settings, work),
        loop=loop,
        loglevel=settings.log_level,
        quiet=True,
        redirect_stdouts=False,
        override_logging=False,
    )
    worker.spinner = None  # it writes to the terminal even when there is none
    try:
        worker.execute_from_commandline()
    except SystemExit as done:
        if done.code:
            return int(done.code)
    return AGAIN if work.again and not work.failure else status_of(work.failure)


def status_of(failure: BaseException | None) -> int:
    """The exit status that tells a supervisor whether starting again may help."""
    if failure is None:
        return 0
    rights_lack = isinstance(failure, KafkaException) and failure.args[0].code() in CANT_PASS
    if rights_lack or isinstance(failure, ReadModelUnusable | LogLost):
        return NEEDS_A_PERSON
    return FAILED


def _agent(app: App, step: str) -> Callable[[faust.StreamT[Batch]], Coroutine[None, None, None]]:
    async def agent(batches: faust.StreamT[Batch]) -> None:
        async for batch in batches:
            await app.work.work(step, batch)

    agent.__name__ = step
    return agent


def _app(settings: Settings, work: Work) -> App:
    settings.folder.mkdir(parents=True, exist_ok=True)
    app = App(
        "vidette",
        broker="kafka://unused",
        datadir=settings.folder / "faust",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.work = work
    channels = {}
    for step in work.steps:
        channels[step] = app.channel(maxsize=CHANNEL_BATCHES)
        app.agent(channels[step], name=step)(_agent(app, step))

    app.timer(interval=DAYS_EVERY_S, on_leader=False, name="make_days")(work.make_days)

    @app.service
    class Records(Service):
        """Brings the records."""

        logger = logging.getLogger("faust")

        async def on_start(self) -> None:
            app.flow_control.resume()  # or the channels stay silent: nothing else starts the flow
            await work.begin(channels)

    return app
