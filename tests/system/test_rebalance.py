"""Workers join, freeze, leave and are killed under load, with both group protocols.

One stands still until the others have taken its partitions over, then goes on as if nothing had
happened: whatever it still has in hand is somebody else's now.
"""

import signal
from collections.abc import Iterator

import pytest

from infra.services.endpoints import Endpoints
from streams.topics import AI_EVENTS
from tests.embedded import fresh_cluster, migrated
from tests.system.balance import Balance, balance, logged
from tests.system.load import Load, loading
from tests.system.processes import PROTOCOLS, Worker, working
from tests.system.site import Site


@pytest.fixture(scope="module", params=PROTOCOLS)
def story(
    request: pytest.FixtureRequest,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Balance]:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("rebalance"))
        yield told(site, request.param)


def told(site: Site, protocol: str) -> Balance:
    settings = {"kafka_group_protocol": protocol}
    with working(site, slot="0", **settings) as frozen:
        with loading(site.cluster) as load:
            reached(site, load, frozen)
            with working(site, slot="1", **settings) as killed:
                ready(killed)
                reached(site, load, killed)
                frozen.process.send_signal(signal.SIGSTOP)
                reached(site, load, killed)
                frozen.process.send_signal(signal.SIGCONT)
                reached(site, load, frozen)
                with working(site, slot="2", **settings) as leaving:
                    ready(leaving)
                    reached(site, load, leaving)
                    killed.kill()
                    reached(site, load, leaving)
                    assert leaving.stop() == 0, leaving.said()
            reached(site, load, frozen)
        frozen.until(lambda: not any(site.lag().values()))
    return balance(site, load, logged(site, AI_EVENTS, lambda word: word.event_id))


def ready(worker: Worker) -> None:
    """It has joined its groups."""
    worker.until(lambda: "worker.ready" in worker.said())


def reached(site: Site, load: Load, worker: Worker) -> None:
    """Something of each partition that is published from now on is in the table."""
    fresh = load.fresh()
    worker.until(lambda: site.has_rows(fresh))


def test_what_was_acknowledged_is_in_the_log(story: Balance) -> None:
    assert story.lost == set()


def test_nothing_is_in_log_or_table_twice(story: Balance) -> None:
    assert story.doubled == {}


def test_the_table_holds_what_the_log_holds(story: Balance) -> None:
    assert story.rows == story.inferences_logged + story.events_logged


def test_nothing_is_there_that_nobody_published(story: Balance) -> None:
    assert story.from_nowhere == set()
