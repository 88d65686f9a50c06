"""One place that knows everyone: settings and endpoints become the ports that agents call."""

import asyncio
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from agents.announcing import LoggedAnnouncements
from agents.chain import Chain
from agents.health import SharedHealth
from agents.repair import Repair
from connectors.clips.file import FileClips
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.follower import Follower
from connectors.kafka.log.history import History
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.shared import KafkaShared
from connectors.media.decoder import SubprocessDecoder
from connectors.media.folder import FolderStore
from connectors.metrics.prometheus import PrometheusMeter
from connectors.postgres.answers import PostgresAnswers
from connectors.postgres.outcomes import KnownOutcomes
from connectors.postgres.pool import ReadPool
from connectors.postgres.sink import Sink
from connectors.postgres.unrepaired import PostgresUnrepaired
from infra.prompts.loading import FOLDER, prompts
from infra.providers.roster import close, others, providers
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from infra.spending.keeping import Spending
from infra.topology import DECODERS, Ports, fetch_deadline_s
from schemas.cameras import Camera
from streams.ports import Cameras, Clips, Clock
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.providers.orders import Orders
from streams.providers.ports import Candidates, Missing, Roster
from streams.providers.roster import OrderedRoster
from streams.providers.turns import may_see
from streams.registry import Registry
from streams.topics import AI_EVENTS, REGISTRY


def clips(settings: Settings, clock: Clock) -> Clips:
    """Clips by file or http(s) URL, within the limits that are set."""
    limits = ClipLimits(
        bytes_max=settings.clip_bytes_max,
        timeout_s=settings.clip_timeout_s,
        deadline_s=fetch_deadline_s(settings),
    )
    http = HttpClips(
        limits=limits,
        clock=clock,
        scratch=settings.folder / "scratch",
        private_hosts=settings.clip_private_hosts,
    )
    return NamedClips({"file": FileClips(settings.clip_roots, limits), "http": http, "https": http})


@dataclass(frozen=True)
class World:
    """What a worker takes the time from, asks and writes with; fault injection brings its own."""

    clock: Clock = field(default_factory=SystemClock)
    sink: Callable[[str], Sink] = Sink
    providers: Callable[[Settings], Candidates] = providers
    others: Callable[[Settings], Candidates] = others
    """Who is not asked until a command or a camera names it."""


@asynccontextmanager
async def ports(
    settings: Settings,
    found: Endpoints,
    kafka: Cluster,
    fail: Callable[[BaseException], None],
    world: World,
    *,
    meter: PrometheusMeter,
) -> AsyncIterator[Ports]:
    """Everything that agents may call, as long as the context lasts.

    `fail` hears of what ends in the background and must not: without the registry policies freeze.
    """
    clock, registry = world.clock, Registry()
    follower = Follower(kafka, REGISTRY, registry.apply)
    publisher, me = KafkaPublisher(kafka), _own_name()
    spent = Spending(settings, found.database_url, kafka, publisher, me)
    spending = spent.keep(clock, partial(_tell, fail))
    announced, budgets = LoggedAnnouncements(publisher), spending.budgets
    board = Board(By(me, settings.describe_deadline_s), settings.crash_blacklist_after)
    roster = _roster(world, settings, board.orders, registry)
    shared = KafkaShared(kafka, publisher)
    health = SharedHealth(board, shared, clock, meter.agreed, roster.known, budgets.heed)
    decoder = SubprocessDecoder(cores=DECODERS)
    pool, sink = ReadPool(found.database_url), world.sink(found.database_url)
    can_ask = partial(_anybody, roster, health, clock)
    repair = Repair(PostgresUnrepaired(pool), registry, can_ask, publisher, clock)
    try:
        async with beside(fail, follower.run(), health.run()):
            yield Ports(
                cameras=registry,
                cameras_ready=follower.ready,
                clips=clips(settings, clock),
                decoder=decoder,
                media=FolderStore(settings.media),
                chain=Chain(roster, health, budgets, announced, clock, budgets.prices),
                chain_ready=health.ready,
                answers=PostgresAnswers(pool, board.orders.cleared),
                prompts=prompts(settings.prompts_folder or FOLDER),
                outcomes=KnownOutcomes(pool, History(kafka, (AI_EVENTS.name,)).logs),
                read_model=sink,
                make_days=sink.ensure_partitions,
                clock=clock,
                repair=partial(repair.run, settings.repair_every_s),
            )
    finally:
        await close(tuple(roster.known.values()))
        for each in (spending, decoder, publisher, pool, sink):
            await each.close()


@asynccontextmanager
async def beside(
    fail: Callable[[BaseException], None], *works: Coroutine[object, object, None]
) -> AsyncIterator[None]:
    """These go on as long as the context lasts; `fail` hears what ends one of them."""
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(partial(_tell, fail))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _roster(world: World, settings: Settings, orders: Orders, cameras: Cameras) -> OrderedRoster:
    first = world.providers(settings)
    known = {one.name: one for one in (*world.others(settings), *first)}
    return OrderedRoster(known, [one.name for one in first], orders, cameras)


def _anybody(roster: Roster, health: SharedHealth, clock: Clock, camera: Camera) -> bool:
    """Whether a provider would take an event of the camera now; claims nothing."""
    return any(
        not isinstance(one, Missing)
        and may_see(one.profile, camera)
        and health.board.wants(one, clock.now()) is None
        for one in roster.candidates(camera.id)
    )


def _own_name() -> str:
    """A name that no other process has, nor this one after a restart."""
    return f"{socket.gethostname()[:64]}/{os.getpid()}/{uuid.uuid4().hex[:8]}"


def _tell(fail: Callable[[BaseException], None], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        fail(error)
