"""A worker killed in the middle of a transaction, and its successor with the same slot.

Its transaction would last a minute. The successor must end it long before, so that readers of
committed records go on.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import pytest
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from connectors.kafka.clients import Cluster
from infra.bench.apart.stuck import MIDDLE
from infra.services.endpoints import Endpoints
from streams import identity
from streams.publishing import record
from streams.topics import AI_INFERENCES
from tests.embedded import PARTITIONS, fresh_cluster, migrated
from tests.system.load import inference
from tests.system.processes import process, until, working
from tests.system.site import Site
from tests.system.upstream import Upstream

RESULTS: Final = 200
TRANSACTION_TIMEOUT_MS: Final = 60_000
"""The longest that the embedded broker allows."""

DEADLINE_S: Final = 45.0
"""By then the reader must have got on: long before the transaction could have timed out."""

RECORDER: Final = ("--steps", "record_inference")


@dataclass(frozen=True)
class Story:
    """What was seen."""

    open_when_killed: bool
    published: frozenset[UUID]
    logged: Counter[UUID]


@pytest.fixture(scope="module")
def story(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    with migrated(endpoints, migrated_template) as database:
        yield told(Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("stall")))


def told(site: Site) -> Story:
    results = [inference(number) for number in range(RESULTS)]
    upstream = Upstream(site.cluster)
    for result in results:
        one = record(result)
        upstream.send(result.result_id, one.topic, one.key, one.value, one.headers)
    upstream.flush()

    stuck_worker = (sys.executable, "-m", "infra.bench.apart.stuck", str(TRANSACTION_TIMEOUT_MS))
    with process(site, *stuck_worker) as stuck:
        stuck.until(lambda: MIDDLE in stuck.said())
        stuck.kill()
    open_when_killed = is_open(site.cluster)
    with working(site, *RECORDER) as successor:
        until(lambda: not is_open(site.cluster), successor.said, DEADLINE_S)
        successor.until(lambda: not any(site.lag(("record_inference",)).values()))
    words = [AI_INFERENCES.codec.decode(taken.value) for taken in site.taken(AI_INFERENCES.name)]
    return Story(
        open_when_killed=open_when_killed,
        published=frozenset(identity.inference_id(result) for result in results),
        logged=Counter(word.id for word in words),
    )


def is_open(cluster: Cluster) -> bool:
    """Whether records are in the log that readers of committed ones must wait for."""
    committed = ends(cluster, IsolationLevel.READ_COMMITTED)
    return committed != ends(cluster, IsolationLevel.READ_UNCOMMITTED)


def ends(cluster: Cluster, isolation: IsolationLevel) -> list[int]:
    """Of the log's partitions, for readers of this kind."""
    topic = cluster.named(AI_INFERENCES.name)
    latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
    asked = {TopicPartition(topic, number): latest for number in range(PARTITIONS)}
    admin = cluster.admin()
    futures = admin.list_offsets(asked, isolation_level=isolation)
    return [futures[place].result().offset for place in asked]


def test_readers_wait_for_a_killed_workers_transaction(story: Story) -> None:
    assert story.open_when_killed


def test_a_successor_of_the_same_slot_lets_readers_go_on_and_loses_nothing(story: Story) -> None:
    assert story.logged == Counter(story.published)
