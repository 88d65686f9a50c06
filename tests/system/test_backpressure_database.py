"""PostgreSQL frozen, or killed and out of reach: the log goes on, and rows follow, each once.

For a moment, and (long) for a minute.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psutil
import pytest
from msgspec import structs

from infra.chaos.faults.proxy import WELL, Proxy, Trouble, proxy
from infra.services.endpoints import Endpoints
from infra.services.record import free_ports
from infra.topology import STEPS
from schemas.codec import encode
from schemas.examples.upstream import MODEL_RESULT
from streams import identity
from streams.topics import AI_EVENTS, AI_INFERENCES, INFERENCE_RESULTS
from tests.embedded import fresh_cluster, migrated
from tests.system.pressure import count, counted_per_hour, joined, members, moved, sampled
from tests.system.processes import Worker, working
from tests.system.site import Site
from tests.system.upstream import NOON, Upstream, sighting

BEFORE: Final = 2_000
MEANWHILE: Final = 20_000
"""More than the projection takes in hand, so that its partitions must be paused."""

EVENTS: Final = 60
"""Each is asked for in vain twice: whether its outcome is known."""

OTHERS: Final = frozenset(STEPS) - {"project"}
RSS_BYTES_MAX: Final = 512 << 20
"""Of docs/runbook.md."""


@dataclass(frozen=True)
class Told:
    """What was seen while the database was away, and what is there in the end."""

    published: set[UUID]
    logged_while_away: int
    outcomes_while_away: int
    peak_bytes: int
    membership: tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]
    moved: list[str]
    rows: Counter[UUID]
    per_hour: int
    lag: dict[str, int]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("frozen", 0), id="frozen for a moment"),
        pytest.param(("frozen", 60), id="frozen for a minute", marks=pytest.mark.long),
        pytest.param(("gone", 60), id="gone for a minute", marks=pytest.mark.long),
    ],
)
def told(
    request: pytest.FixtureRequest,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    fault, away_s = request.param
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("database"))
        server = urlsplit(database.url)
        (port,) = free_ports((0,))
        with proxy(port, server.port or 0) as way:
            login = server.netloc.rpartition("@")[0]
            url = urlunsplit(server._replace(netloc=f"{login}@127.0.0.1:{port}"))
            yield lived(site, url, FAULTS[fault](way), away_s=away_s)


def lived(site: Site, url: str, fault: AbstractContextManager[None], *, away_s: float) -> Told:
    with working(site, database_url=url) as worker, sampled(worker) as memory:
        before = joined(site, worker)
        published = results(site, "before", BEFORE)
        worker.until(lambda: count(site) > 0)
        with fault:
            returns = time.monotonic() + away_s
            published |= results(site, "meanwhile", MEANWHILE)
            published |= events(site)
            worker.until(lambda: not any(lag for step, lag in site.lag().items() if step in OTHERS))
            worker.until(lambda: time.monotonic() >= returns)
            logged = len(site.taken(AI_INFERENCES.name))
            outcomes = len(site.taken(AI_EVENTS.name))
        settle(site, worker)
        return Told(
            published=published,
            logged_while_away=logged,
            outcomes_while_away=outcomes,
            peak_bytes=memory.peak_bytes,
            membership=(before, members(site)),
            moved=moved(worker),
            rows=Counter(row.event_id for row in site.rows()),
            per_hour=counted_per_hour(site),
            lag=site.lag(),
        )


def results(site: Site, name: str, many: int) -> set[UUID]:
    """Publishes so many; their ids."""
    upstream, ids = Upstream(site.cluster), set()
    for number in range(many):
        result = structs.replace(
            MODEL_RESULT,
            result_id=f"{name}-{number}",
            camera_id=f"camera-{number % 20}",
            timestamp=NOON,
        )
        ids.add(identity.inference_id(result))
        upstream.send(result.result_id, INFERENCE_RESULTS.name, result.camera_id, encode(result))
    upstream.flush()
    return ids


def events(site: Site) -> set[UUID]:
    """Publishes camera events without a clip; their ids."""
    upstream = Upstream(site.cluster)
    made = [sighting(f"camera-{number % 20}", str(number)) for number in range(EVENTS)]
    for event in made:
        upstream.event(event)
    upstream.flush()
    return {identity.event_id(event) for event in made}


def settle(site: Site, worker: Worker) -> None:
    worker.until(lambda: not any(site.lag().values()))


@contextmanager
def frozen(_: Proxy) -> Iterator[None]:
    """Every process of PostgreSQL stands still; connections stay and say nothing."""
    servers = postgres()
    for server in servers:
        server.suspend()
    try:
        yield
    finally:
        for server in reversed(servers):
            server.resume()


@contextmanager
def gone(way: Proxy) -> Iterator[None]:
    """Its first process is killed, the others follow; it recovers, but nobody reaches it."""
    way.trouble = Trouble(refused=True)
    os.kill(postgres()[0].pid, signal.SIGKILL)
    try:
        yield
    finally:
        way.trouble = WELL


FAULTS: Final = {"frozen": frozen, "gone": gone}


def postgres() -> list[psutil.Process]:
    """The processes of the tests' PostgreSQL, the first one first."""
    ours = psutil.Process().children(recursive=True)
    servers = [process for process in ours if process.name() == "postgres"]
    ids = {process.pid for process in servers}
    return sorted(servers, key=lambda process: process.ppid() in ids)


def test_the_log_goes_on_without_the_database(told: Told) -> None:
    assert told.logged_while_away == BEFORE + MEANWHILE


def test_events_have_their_outcome_in_the_log_without_the_database(told: Told) -> None:
    assert told.outcomes_while_away == EVENTS


def test_memory_is_bounded(told: Told) -> None:
    assert 0 < told.peak_bytes < RSS_BYTES_MAX


def test_nobody_leaves_the_group(told: Told) -> None:
    before, after = told.membership

    assert (after, told.moved) == (before, [])


def test_afterwards_each_result_has_exactly_one_row(told: Told) -> None:
    assert told.rows == Counter(told.published)


def test_the_roll_up_has_counted_each_row_once(told: Told) -> None:
    assert told.per_hour == len(told.published)


def test_nothing_is_left(told: Told) -> None:
    assert set(told.lag.values()) == {0}
