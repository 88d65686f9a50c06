"""The API process: the HTTP edge over the real read model, media store and Kafka."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from connectors.http.app import create_app
from connectors.kafka.publisher import KafkaPublisher
from connectors.media.folder import FolderStore
from connectors.postgres.pool import ReadPool
from connectors.postgres.reads import Reads
from infra.endpoints import cluster, endpoints
from infra.providers.edge import site
from infra.settings import Settings

GRACE_S: Final = 20
CONNECTIONS_MAX: Final = 512
KEEP_ALIVE_S: Final = 15


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, as long as the context lasts. Raises ServicesFailed when nothing runs."""
    found = endpoints(settings)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    pool = ReadPool(found.database_url)
    reads = Reads(pool)
    kafka = cluster(settings, found)
    publisher = KafkaPublisher(kafka, linger_ms=0)
    try:
        async with site(settings, kafka, publisher, found.database_url) as providers:
            yield create_app(
                reads=reads,
                media=FolderStore(settings.media),
                publisher=publisher,
                site=providers,
                registry=registry,
            )
    finally:
        await publisher.close()
        await pool.close()


def listening(host: str, port: int) -> socket.socket:
    """The socket to serve on, bound before anything else starts. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


async def serve(settings: Settings, on: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM, then answers what is under way and closes everything."""
    async with build(settings) as app:
        server = _Server(
            uvicorn.Config(
                app,
                access_log=False,  # the API logs its answers itself, with the correlation id
                date_header=True,
                lifespan="off",
                limit_concurrency=CONNECTIONS_MAX,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(sockets=[on])


class _Server(uvicorn.Server):
    """Without uvicorn's own signal handling, which would end the process before we have closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours are installed by `serve`."""
        yield

    def stop(self) -> None:
        """The first signal asks, the second one insists."""
        self.force_exit = self.should_exit
        self.should_exit = True
