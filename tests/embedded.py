"""The real services of the tests: databases and Kafka namespaces that no two tests share."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from connectors.kafka.clients import Cluster
from connectors.kafka.topics import apply, compare
from infra.migrate import migrate, role_of
from infra.services.endpoints import Endpoints
from streams.topic_plan import Layout

R = TypeVar("R")

PARTITIONS: Final = 3


@dataclass(frozen=True)
class Database:
    """A database of its own, as the application's role and as the superuser reach it."""

    url: str
    admin_url: str

    @property
    def name(self) -> str:
        """As SQL knows it."""
        return urlsplit(self.url).path.removeprefix("/")


def finish(work: Coroutine[object, object, R]) -> R:
    """Runs it in a loop of its own, so that nobody else's loop is touched."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


@contextmanager
def migrated(endpoints: Endpoints, template: str | None = None) -> Iterator[Database]:
    """A fresh database; a copy of `template` (which nobody may use meanwhile) saves migrating."""
    name = f"test_{secrets.token_hex(6)}"
    database = Database(at(endpoints.database_url, name), at(endpoints.database_admin_url, name))
    copied = f" template {template}" if template else ""
    finish(_executed(endpoints, f"create database {name}{copied}"))
    try:
        if template is None:
            role = role_of(database.url)
            finish(migrate(database.admin_url, application_role=role))
        yield database
    finally:
        finish(_executed(endpoints, f"drop database {name} with (force)"))


def fresh_cluster(endpoints: Endpoints, *, partitions: int = PARTITIONS) -> Cluster:
    """The Kafka under a namespace that nobody else has, with every topic of the catalogue."""
    cluster = Cluster(
        bootstrap_servers=endpoints.bootstrap_servers, namespace=f"t{secrets.token_hex(6)}"
    )
    apply(cluster, compare(cluster, Layout(partitions, 1)))
    return cluster


def at(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def _executed(endpoints: Endpoints, statement: str) -> None:
    connection = await asyncpg.connect(endpoints.database_admin_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
