"""Three brokers, two workers, a steady upstream, and brokers killed under it: nothing is lost.

First the leader of a busy partition is killed, then the node that coordinates a step's group, then
the one that coordinates its transactions. After each kill something published since then must reach
the table while the node is still dead; then it comes back.
"""

from collections.abc import Iterator

import pytest

from connectors.kafka.clients import Cluster
from infra.services.endpoints import Endpoints
from streams.topics import ENRICHED, INFERENCE_RESULTS
from tests.embedded import migrated
from tests.system.balance import Balance, balance, logged
from tests.system.brokers import Brokers, three_brokers
from tests.system.load import Load, loading
from tests.system.processes import Worker, command, until, working
from tests.system.site import Site

STEPS = ("enrich", "record_inference", "project")
Workers = tuple[Worker, Worker]
LAYOUT = {"topic_replication": "3", "topic_partitions": "4"}


@pytest.fixture(scope="module")
def story(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Balance]:
    folder = tmp_path_factory.mktemp("three")
    with migrated(endpoints, migrated_template) as database, three_brokers(folder) as brokers:
        cluster = Cluster(brokers.bootstrap_servers, namespace="three")
        site = Site(cluster, database, folder)
        applied = command(site, "topics", "apply", **LAYOUT)
        assert applied.returncode == 0, applied.stderr
        yield told(site, brokers)


def told(site: Site, brokers: Brokers) -> Balance:
    steps = ("--steps", ",".join(STEPS))
    with (
        working(site, *steps, slot="0") as first,
        working(site, *steps, slot="1") as second,
    ):
        workers = first, second
        with loading(site.cluster) as load:
            reached(site, load, workers)
            for node in busy(site, brokers):
                kill(site, brokers, load, workers, node)
        until(lambda: not any(site.lag(STEPS).values()), second.said)
    return balance(site, load, logged(site, ENRICHED, lambda word: word.id))


def busy(site: Site, brokers: Brokers) -> Iterator[int]:
    """The nodes to kill, each chosen when it is its turn."""
    name = site.cluster.named("record_inference")
    yield brokers.leader(site.cluster.named(INFERENCE_RESULTS.name), 0)
    yield brokers.coordinator("__consumer_offsets", name)
    yield brokers.coordinator("__transaction_state", f"{name}-0")


def kill(site: Site, brokers: Brokers, load: Load, workers: Workers, node: int) -> None:
    """Kills the node; what is published from then on gets through; then the node comes back."""
    brokers.kill(node)
    reached(site, load, workers)
    brokers.start(node)
    until(brokers.in_sync)


def reached(site: Site, load: Load, workers: Workers) -> None:
    """Something of each partition that is published from now on is in the table."""
    fresh = load.fresh()
    workers[0].until(lambda: site.has_rows(fresh))
    assert workers[1].process.poll() is None, workers[1].said()


def test_what_was_acknowledged_is_in_the_log(story: Balance) -> None:
    assert story.lost == set()


def test_nothing_is_in_log_or_table_twice(story: Balance) -> None:
    assert story.doubled == {}


def test_the_table_holds_what_the_log_holds(story: Balance) -> None:
    assert story.rows == story.inferences_logged


def test_nothing_is_there_that_nobody_published(story: Balance) -> None:
    assert story.from_nowhere == set()
