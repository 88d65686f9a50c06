"""What a worker under pressure is looked at for: its memory, its place in its groups, its rows."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import psutil
from confluent_kafka.admin import AdminClient

from infra.topology import STEPS
from tests.embedded import finish
from tests.system.processes import Worker
from tests.system.site import Site

EVERY_S: Final = 0.1
REQUEST_TIMEOUT_S: Final = 30.0


@dataclass
class Memory:
    """The most that a process was seen to have resident."""

    peak_bytes: int = 0


@contextmanager
def sampled(worker: Worker) -> Iterator[Memory]:
    """Looks again and again while the context lasts; decoders are processes of their own."""
    seen, process = Memory(), psutil.Process(worker.process.pid)
    ending = threading.Event()

    def look() -> None:
        while not ending.wait(EVERY_S):
            try:
                seen.peak_bytes = max(seen.peak_bytes, process.memory_info().rss)
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ending.set()
        thread.join()


def joined(site: Site, worker: Worker) -> Mapping[str, frozenset[str]]:
    """The members of each step's group, once it has some and nothing is left to give away."""
    worker.until(lambda: all(f'"group": "{step}"' in _assigned(worker) for step in STEPS))
    return members(site)


def members(site: Site) -> Mapping[str, frozenset[str]]:
    """Of each step's group, as the broker names them; who rejoined has another name."""
    admin = AdminClient({"bootstrap.servers": site.cluster.bootstrap_servers})
    groups = [site.cluster.named(step) for step in STEPS]
    asked = admin.describe_consumer_groups(groups, request_timeout=REQUEST_TIMEOUT_S)
    return {
        step: frozenset(member.member_id for member in asked[group].result().members)
        for step, group in zip(STEPS, groups, strict=True)
    }


def moved(worker: Worker) -> list[str]:
    """Partitions that the worker had to give up, as it says itself."""
    lines = worker.log.read_text(errors="replace").splitlines()
    return [line for line in lines if "kafka.revoked" in line or "kafka.lost" in line]


def _assigned(worker: Worker) -> str:
    lines = worker.log.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if "kafka.assigned" in line)


def count(site: Site) -> int:
    """Rows of outcomes."""
    return int(finish(_asked(site, "select count(*) from ai_events"))[0][0])


def ids(site: Site) -> set[UUID]:
    """Of outcomes."""
    return {row[0] for row in finish(_asked(site, "select id from ai_events"))}


def counted_per_hour(site: Site) -> int:
    """Rows that the roll-up has counted."""
    return int(finish(_asked(site, "select coalesce(sum(n), 0) from events_per_hour"))[0][0])


async def _asked(site: Site, query: str) -> list[asyncpg.Record]:
    settings = {"search_path": "read_model"}
    connection = await asyncpg.connect(site.database.url, server_settings=settings)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
