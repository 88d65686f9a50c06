"""Where a bench runs: a namespace and a database of its own, so that nobody's data is touched.

On the services that are configured, if all of them are; else on embedded ones, started for this in
a folder that is removed in the end.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from pydantic import SecretStr

from connectors.kafka.clients import Cluster
from infra.bench.rounds import Say
from infra.endpoints import cluster
from infra.prepare import prepare
from infra.services.embedded import running
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from streams.topics import catalogue

SERVERS: Final = {"java": "broker", "postgres": "database"}
"""Programs of the embedded services, and what we call them."""

PARTITIONS: Final = 8


@dataclass(frozen=True)
class Place:
    """Nobody else's, with every topic and every table."""

    settings: Settings
    endpoints: Endpoints
    say: Say

    @property
    def cluster(self) -> Cluster:
        """The Kafka, under our namespace."""
        return cluster(self.settings, self.endpoints)

    def variables(self, **more: str) -> dict[str, str]:
        """What a process of ours needs in its environment to work here."""
        ours = {
            "folder": str(self.settings.folder),
            "kafka_bootstrap_servers": self.endpoints.bootstrap_servers,
            "database_url": self.endpoints.database_url,
            "database_admin_url": self.endpoints.database_admin_url,
            "namespace": self.settings.namespace,
            "topic_partitions": str(self.settings.topic_partitions),
            "metrics_port": "0",
            "log_level": "warning",
            "ai_provider_order": "motion",  # a bench asks nobody who wants to be paid
        }
        return {f"VIDETTE_{name.upper()}": value for name, value in (ours | more).items()}


@contextmanager
def placed(settings: Settings, say: Say) -> Iterator[Place]:
    """Topics, tables and a folder for one bench; all gone at the end."""
    name = f"bench-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="vidette-bench-")))
        services = _configured(settings)
        if services is None:
            opened = running(folder / "services", say, cache_folder=settings.cache_folder)
            services = stack.enter_context(opened)
        found = stack.enter_context(_database(services, name.replace("-", "_")))
        ours = settings.model_copy(
            update={
                "folder": folder,
                "media_folder": None,
                "namespace": name,
                "topic_partitions": PARTITIONS,
                "metrics_port": 0,
                "kafka_bootstrap_servers": found.bootstrap_servers,
                "database_url": SecretStr(found.database_url),
                "database_admin_url": SecretStr(found.database_admin_url),
            }
        )
        place = Place(ours, found, say)
        stack.callback(_remove_topics, place.cluster)
        prepare(ours, found, lambda _: None)
        yield place


def served_s() -> Mapping[str, float]:
    """Seconds of CPU of our embedded services by now; nothing of services that others started."""
    spent: dict[str, float] = {}
    for child in psutil.Process().children(recursive=True):
        try:
            service = SERVERS.get(child.name())
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if service:
            ended = times.children_user + times.children_system
            spent[service] = spent.get(service, 0.0) + times.user + times.system + ended
    return spent


def _configured(settings: Settings) -> Endpoints | None:
    """The services that are set, if they are all set."""
    servers, url, admin = (
        settings.kafka_bootstrap_servers,
        settings.database_url,
        settings.database_admin_url,
    )
    if not (servers and url and admin):
        return None
    return Endpoints(servers, url.get_secret_value(), admin.get_secret_value())


@contextmanager
def _database(services: Endpoints, name: str) -> Iterator[Endpoints]:
    asyncio.run(_execute(services.database_admin_url, f"create database {name}"))
    try:
        yield Endpoints(
            services.bootstrap_servers,
            _at(services.database_url, name),
            _at(services.database_admin_url, name),
        )
    finally:
        asyncio.run(_execute(services.database_admin_url, f"drop database {name} with (force)"))


def _at(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _remove_topics(kafka: Cluster) -> None:
    admin = kafka.admin()  # must outlive its answers, or nobody is ever told
    futures = admin.delete_topics([kafka.named(topic.name) for topic in catalogue()])
    for future in futures.values():
        future.exception()  # gone or not: there is nothing else to do about it
