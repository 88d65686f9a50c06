"""One place that knows everyone: settings and endpoints become the ports that agents call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from agents.announcing import LoggedAnnouncements
from agents.chain import Chain
from connectors.clips.file import FileClips
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.follower import Follower
from connectors.kafka.publisher import KafkaPublisher
from connectors.media.decoder import SubprocessDecoder
from connectors.media.folder import FolderStore
from connectors.memory.providers.chain import FixedRoster, GoodHealth
from connectors.postgres.answers import PostgresAnswers
from connectors.postgres.pool import ReadPool
from connectors.postgres.reads import Reads
from connectors.postgres.sink import Sink
from infra.prompts.loading import FOLDER, prompts
from infra.providers.roster import close, providers
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from infra.spending.keeping import Kept
from infra.spending.keeping import keep as spending_of
from infra.topology import DECODERS, Ports, fetch_deadline_s
from streams.ports import Clips, Clock
from streams.providers.ports import Missing, Provider
from streams.registry import Registry
from streams.topics import REGISTRY


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
    providers: Callable[[Settings], Sequence[Provider | Missing]] = providers


@asynccontextmanager
async def ports(
    settings: Settings,
    found: Endpoints,
    kafka: Cluster,
    fail: Callable[[BaseException], None],
    world: World,
) -> AsyncIterator[Ports]:
    """Everything that agents may call, as long as the context lasts.

    `fail` hears of what ends in the background and must not: without the registry policies freeze.
    """
    clock, registry = world.clock, Registry()
    follower = Follower(kafka, REGISTRY, registry.apply)
    following = asyncio.create_task(follower.run())
    following.add_done_callback(partial(_tell, fail))
    spending = spending_of(settings, found.database_url, kafka, clock, partial(_tell, fail))
    publisher = KafkaPublisher(kafka)
    decoder = SubprocessDecoder(cores=DECODERS)
    candidates = world.providers(settings)
    pool, sink = ReadPool(found.database_url), world.sink(found.database_url)
    try:
        yield Ports(
            cameras=registry,
            cameras_ready=follower.ready,
            clips=clips(settings, clock),
            decoder=decoder,
            media=FolderStore(settings.media),
            chain=_chain(candidates, spending, publisher, clock),
            answers=PostgresAnswers(pool),
            prompts=prompts(settings.prompts_folder or FOLDER),
            outcomes=Reads(pool),
            read_model=sink,
            make_days=sink.ensure_partitions,
            clock=clock,
        )
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await spending.close()
        await decoder.close()
        await close(candidates)
        await publisher.close()
        await pool.close()
        await sink.close()


def _chain(
    candidates: Sequence[Provider | Missing],
    spending: Kept,
    publisher: KafkaPublisher,
    clock: Clock,
) -> Chain:
    budgets, announcements = spending.budgets, LoggedAnnouncements(publisher)
    roster, health = FixedRoster(candidates), GoodHealth()
    return Chain(roster, health, budgets, announcements, clock, budgets.prices)


def _tell(fail: Callable[[BaseException], None], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        fail(error)
