"""One place that knows everyone: settings and endpoints become the ports that agents call."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from connectors.clips.file import FileClips
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.follower import Follower
from connectors.media.decoder import SubprocessDecoder
from connectors.media.folder import FolderStore
from connectors.postgres.reads import Reads
from connectors.postgres.sink import Sink
from connectors.providers.motion import MotionProvider
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from infra.topology import Ports
from streams.ports import Clips, Clock, Provider, Providers
from streams.registry import Registry
from streams.topics import REGISTRY

PROVIDERS: Final[Mapping[str, type[MotionProvider]]] = {"motion": MotionProvider}
"""By the name that `ai_provider_order` uses."""

DECODERS: Final = 2

FETCH_DEADLINE_S: Final = 120.0
"""For all attempts at one URL; clip, snapshot and decoding fit into the step's time limit."""


class UnknownProvider(ValueError):  # noqa: N818  # the sentence is the whole of it
    """A setting names a provider that nobody implements."""


def providers(settings: Settings) -> Providers:
    """Those of the configured order. Raises UnknownProvider."""
    found: list[Provider] = []
    for name in settings.ai_provider_order:
        if name not in PROVIDERS:
            known = ", ".join(PROVIDERS)
            text = f"VIDETTE_AI_PROVIDER_ORDER names {name!r}; known are: {known}"
            raise UnknownProvider(text)
        found.append(PROVIDERS[name]())
    return found


def clips(settings: Settings, clock: Clock) -> Clips:
    """Clips by file or http(s) URL, within the limits that are set."""
    limits = ClipLimits(
        bytes_max=settings.clip_bytes_max,
        timeout_s=settings.clip_timeout_s,
        deadline_s=FETCH_DEADLINE_S,
    )
    http = HttpClips(
        limits=limits,
        clock=clock,
        scratch=settings.folder / "scratch",
        private_hosts=settings.clip_private_hosts,
    )
    return NamedClips({"file": FileClips(settings.clip_roots, limits), "http": http, "https": http})


@asynccontextmanager
async def ports(settings: Settings, found: Endpoints, kafka: Cluster) -> AsyncIterator[Ports]:
    """Everything that agents may call, as long as the context lasts."""
    clock, registry = SystemClock(), Registry()
    follower = Follower(kafka, REGISTRY, registry.apply)
    following = asyncio.create_task(follower.run())
    decoder = SubprocessDecoder(cores=DECODERS)
    reads, sink = Reads(found.database_url), Sink(found.database_url)
    try:
        yield Ports(
            cameras=registry,
            cameras_ready=follower.ready,
            clips=clips(settings, clock),
            decoder=decoder,
            media=FolderStore(settings.media),
            providers=providers(settings),
            outcomes=reads,
            read_model=sink,
            make_days=sink.ensure_partitions,
            clock=clock,
        )
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await decoder.close()
        await reads.close()
