"""One simulated worker: the real topology, runtimes and agents, on lanes and ports in memory."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Final

from agents.chain import Chain
from agents.health import SharedHealth
from agents.runtime.guard import Guard
from connectors.kafka.clients import Cluster
from connectors.kafka.lane import Slot
from connectors.kafka.polling import Subscription
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.providers.answers import MemoryAnswers
from connectors.memory.providers.chain import NoLimits, Unannounced
from connectors.memory.read_model import MemoryReadModel, Store
from connectors.memory.reader import MemoryLedgerReader, MemoryLetters, MemoryReader
from connectors.memory.shared import MemoryShared
from connectors.metrics.prometheus import PrometheusMeter
from infra.prompts.loading import prompts
from infra.running import Doors, Lag, Running, Shop, end_all
from infra.settings import Settings
from infra.topology import Ports, topology
from streams.lanes import Batch
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.providers.roster import OrderedRoster
from streams.records import Partition
from streams.registry import Registry
from streams.topics import REGISTRY
from tests.simulation.surroundings import (
    DistantMedia,
    Mood,
    MoodyClips,
    MoodyDecoder,
    MoodyProvider,
)
from tests.simulation.virtual import Process, VirtualClock, VirtualLoop
from tests.simulation.weather import Path, Weather

BATCH_MAX: Final = 4
CHANNEL_BATCHES: Final = 2
PROVIDERS: Final = ("first", "second")
NOWHERE: Final = Cluster("nowhere:0")
METER: Final = PrometheusMeter()
SETTINGS: Final = Settings(
    folder=File("/nonexistent"),
    describe_in_flight=4,
    fetch_clips_in_flight=4,
    describe_deadline_s=30.0,
)


Ending = asyncio.Future[None] | asyncio.Future[list[None]]


@dataclass
class Site:
    """What all workers of one history share."""

    loop: VirtualLoop
    weather: Weather
    mood: Mood
    log: MemoryLog
    store: Store
    media: dict[str, bytes] = field(default_factory=dict)
    lane: Callable[..., MemoryLane] = MemoryLane
    workers: int = 0
    """How many there ever were."""


@dataclass(eq=False)
class Worker:
    """A process of some steps under one slot; `failure` is what ended it, if not a request."""

    site: Site
    slot: int
    steps: Sequence[str]
    skew_s: float = 0.0
    failure: BaseException | None = None
    readers: list[MemoryReader] = field(default_factory=list)
    health: SharedHealth | None = None
    running: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(self.site.loop)
        self.stopping = asyncio.Event()
        self.running = self.process.start(self._run())

    @property
    def up(self) -> bool:
        """Whether it was neither killed nor has ended."""
        return self.process.alive and not self.running.done()

    def _path(self, server: str) -> Path:
        return Path(self.site.weather, self.process, server)

    async def _run(self) -> None:
        registry, ready = Registry(), asyncio.Event()
        self.health = health = self._health()
        ports = self._ports(registry, ready, health)
        settings = SETTINGS.model_copy(update={"slot": self.slot})
        shop = Shop(NOWHERE, settings, ports, METER, Guard(), self._doors())
        mine = [step for step in topology(ports, settings) if step.name in self.steps]
        running = [shop.make(step) for step in mine]
        following = [
            asyncio.create_task(self._follow(registry, ready)),
            asyncio.create_task(health.run()),
        ]
        starting = asyncio.gather(*[one.start() for one in running])
        bringing: list[asyncio.Task[None]] = []
        working: list[asyncio.Task[None]] = []
        try:
            await self._until_stopped(starting)
            for one in running:
                channel: asyncio.Queue[Batch] = asyncio.Queue(CHANNEL_BATCHES)
                bringing.append(asyncio.create_task(bring(one, channel)))
                working.append(asyncio.create_task(work(one, channel)))
            failing = [asyncio.create_task(failed(one)) for one in running]
            await self._until_stopped(*following, *bringing, *working, *failing)
        except Exception as error:  # noqa: BLE001  # whatever it is, this worker ends
            self.failure = error
        starting.cancel()
        for task in (*following, *bringing):
            task.cancel()
        await end_all(running, settings.drain_timeout_s)
        for task in working:
            task.cancel()

    async def _until_stopped(
        self, *tasks: "asyncio.Future[None] | asyncio.Future[list[None]]"
    ) -> None:
        stopping = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in tasks:
            if task in done:
                task.result()

    async def _follow(self, registry: Registry, ready: asyncio.Event) -> None:
        """The follower's twin: all partitions, from the beginning."""
        log, more = self.site.log, asyncio.Event()
        positions = dict.fromkeys(range(log.partitions), 0)
        log.watch((REGISTRY.name,), lambda: self._path("kafka").tell(more.set))
        while True:
            more.clear()
            for number in positions:
                partition = Partition(REGISTRY.name, number)
                for record in log.read(partition, positions[number], 1_000):
                    registry.apply(REGISTRY.codec.decode(record.value), record.offset)
                positions[number] = log.stable_end(partition)
            ready.set()
            await more.wait()

    def _health(self) -> SharedHealth:
        self.site.workers += 1
        name = f"worker-{self.site.workers}"
        board = Board(By(name, SETTINGS.describe_deadline_s))
        shared = MemoryShared(self.site.log, self._path("kafka"))
        return SharedHealth(board, shared, VirtualClock(self.site.loop, self.skew_s))

    def _ports(self, registry: Registry, ready: asyncio.Event, health: SharedHealth) -> Ports:
        site = self.site
        model = MemoryReadModel(site.store, network=self._path("database"))
        clock = VirtualClock(site.loop, self.skew_s)
        known = {name: MoodyProvider(name, site.mood) for name in PROVIDERS}

        async def registry_read() -> None:
            await ready.wait()

        async def make_days(*_: object) -> int:
            return 0

        async def nothing() -> None:
            """Nobody repairs here: histories end with what they began."""

        return Ports(
            cameras=registry,
            cameras_ready=registry_read,
            clips=MoodyClips(site.mood),
            decoder=MoodyDecoder(site.mood),
            media=DistantMedia(site.media, self._path("media")),
            chain=Chain(
                OrderedRoster(known, PROVIDERS, health.board.orders, registry),
                health,
                NoLimits(),
                Unannounced(),
                clock,
            ),
            answers=MemoryAnswers(model.store, health.board.orders.cleared),
            prompts=prompts(),
            chain_ready=health.ready,
            outcomes=model,
            read_model=model,
            make_days=make_days,
            clock=clock,
            repair=nothing,
        )

    def _doors(self) -> Doors:
        kafka = self._path("kafka")

        def lane(_: Cluster, subscription: Subscription, slot: Slot, _lag: Lag) -> MemoryLane:
            made = self.site.lane(
                self.site.log,
                subscription.group,
                subscription.topics,
                BATCH_MAX,
                network=kafka,
                transactional_id=slot.transactional_id,
            )
            self.readers.append(made)
            return made

        def reader(_: Cluster, subscription: Subscription, _lag: Lag) -> MemoryLedgerReader:
            made = MemoryLedgerReader(
                self.site.log,
                subscription.group,
                subscription.topics,
                BATCH_MAX,
                network=kafka,
            )
            self.readers.append(made)
            return made

        return Doors(lane, reader, lambda _: MemoryLetters(self.site.log, kafka))


async def bring(running: Running, channel: "asyncio.Queue[Batch]") -> None:
    """As the worker's pump does: so many batches wait while one is worked on."""
    while True:
        await channel.put(await running.reader.take())


async def work(running: Running, channel: "asyncio.Queue[Batch]") -> None:
    """As Faust's agent does."""
    while True:
        await running.work(await channel.get())


async def failed(running: Running) -> None:
    """Raises what went wrong between batches, once something has."""
    await running.runtime.failure.wait()
