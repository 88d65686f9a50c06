"""Headers that take nothing in the log and much in memory: each record costs its own letter."""

from collections.abc import Iterator
from typing import Final

import pytest
from confluent_kafka import Producer

from infra.services.endpoints import Endpoints
from tests.embedded import fresh_cluster, migrated
from tests.system.processes import working
from tests.system.site import Site
from tests.system.upstream import Upstream, sighting

BOMBS: Final = 60
HEADERS: Final = 90_000
"""As many as the library still unpacks, empty: about 13 MB of memory for each record."""


@pytest.fixture
def site(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with migrated(endpoints, migrated_template) as database:
        yield Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("site"))


def test_a_worker_lives_on_and_each_record_is_a_letter_that_says_what_is_missing(
    site: Site,
) -> None:
    settings = {"compression.type": "zstd", "message.max.bytes": 100_000_000, "linger.ms": 20}
    producer = Producer(site.cluster.confluent() | settings)
    for _ in range(BOMBS):
        topic = site.cluster.named("camera.events.v1")
        producer.produce(topic, b"{", b"yard", 0, headers=[("", b"")] * HEADERS)
    producer.flush()
    upstream = Upstream(site.cluster)
    upstream.event(sighting("yard", "good"))
    upstream.flush()

    with working(site, "--steps", "enrich", memory_max_mb="400") as worker:
        worker.until(lambda: site.taken("camera.events.enriched.v1"))
        worker.until(lambda: len(site.all_letters()) == BOMBS)

    assert {f"its {HEADERS} headers" in letter.detail for letter in site.all_letters()} == {True}
