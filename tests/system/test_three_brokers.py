"""Three brokers, two workers, a steady upstream, and brokers killed under it: nothing is lost.

First the leader of a busy partition is killed, then the node that coordinates a step's group, then
the one that coordinates its transactions. After each kill something published since then must reach
the table while the node is still dead; then it comes back.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from connectors.kafka.clients import Cluster
from infra.services.endpoints import Endpoints
from schemas.clips import CameraEventEnriched
from schemas.outcomes import InferenceRecorded
from streams.topics import AI_INFERENCES, ENRICHED, INFERENCE_RESULTS, Topic
from tests.embedded import migrated
from tests.system.brokers import Brokers, three_brokers
from tests.system.load import Load, loading
from tests.system.processes import Worker, command, until, working
from tests.system.site import Site

STEPS = ("enrich", "record_inference", "project")
Workers = tuple[Worker, Worker]
LAYOUT = {"topic_replication": "3", "topic_partitions": "4"}


@dataclass(frozen=True)
class Story:
    """What was acknowledged, and what is there in the end."""

    killed: tuple[int, ...]
    attempted: frozenset[UUID]
    inferences: frozenset[UUID]
    events: frozenset[UUID]
    recorded: Counter[UUID]
    """In the log, committed."""
    enriched: Counter[UUID]
    rows: Counter[UUID]


@pytest.fixture(scope="module")
def story(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("three")
    with migrated(endpoints, migrated_template) as database, three_brokers(folder) as brokers:
        cluster = Cluster(brokers.bootstrap_servers, namespace="three")
        site = Site(cluster, database, folder)
        applied = command(site, "topics", "apply", **LAYOUT)
        assert applied.returncode == 0, applied.stderr
        yield told(site, brokers)


def told(site: Site, brokers: Brokers) -> Story:
    steps = ("--steps", ",".join(STEPS))
    with (
        working(site, *steps, slot="0") as first,
        working(site, *steps, slot="1") as second,
    ):
        workers = first, second
        with loading(site.cluster) as load:
            reached(site, load, workers)
            killed = [kill(site, brokers, load, workers, node) for node in busy(site, brokers)]
        until(lambda: not any(site.lag(STEPS).values()), second.said)
    return Story(
        killed=tuple(killed),
        attempted=frozenset(load.attempted),
        inferences=frozenset(load.inferences),
        events=frozenset(load.events),
        recorded=logged(site, AI_INFERENCES),
        enriched=logged(site, ENRICHED),
        rows=Counter(row.id for row in site.rows()),
    )


def busy(site: Site, brokers: Brokers) -> Iterator[int]:
    """The nodes to kill, each chosen when it is its turn."""
    name = site.cluster.named("record_inference")
    yield brokers.leader(site.cluster.named(INFERENCE_RESULTS.name), 0)
    yield brokers.coordinator("__consumer_offsets", name)
    yield brokers.coordinator("__transaction_state", f"{name}-0")


def kill(site: Site, brokers: Brokers, load: Load, workers: Workers, node: int) -> int:
    """Kills the node; what is published from then on gets through; then the node comes back."""
    brokers.kill(node)
    reached(site, load, workers)
    brokers.start(node)
    until(brokers.in_sync)
    return node


def reached(site: Site, load: Load, workers: Workers) -> None:
    """Something that is published from now on is in the table."""
    fresh = load.fresh()
    workers[0].until(lambda: site.has_row(fresh))
    assert workers[1].process.poll() is None, workers[1].said()


def logged(
    site: Site, topic: Topic[InferenceRecorded] | Topic[CameraEventEnriched]
) -> Counter[UUID]:
    """Ids in a topic, as a client that isn't ours reads it, committed records only."""
    words = [topic.codec.decode(record.value) for record in site.taken(topic.name)]
    return Counter(word.id for word in words)


def test_what_was_acknowledged_is_in_the_log_once(story: Story) -> None:
    assert story.inferences - story.recorded.keys() == set()
    assert story.events - story.enriched.keys() == set()
    assert max((story.recorded | story.enriched).values()) == 1


def test_what_was_acknowledged_is_in_the_table_once(story: Story) -> None:
    assert story.inferences - story.rows.keys() == set()
    assert max(story.rows.values()) == 1


def test_the_table_holds_what_the_log_holds(story: Story) -> None:
    assert story.rows == story.recorded


def test_nothing_is_there_that_nobody_published(story: Story) -> None:
    assert (story.recorded | story.enriched).keys() - story.attempted == set()
