"""A release writes a tag that its neighbour does not know; it is taken back and comes again."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import pytest
from msgspec import structs

from infra.services.endpoints import Endpoints
from schemas.codec import encode
from schemas.event import tag
from schemas.examples.upstream import MODEL_RESULT
from streams import identity
from streams.dead_letters import DeadLetter
from streams.topics import INFERENCE_RESULTS
from tests.embedded import fresh_cluster, migrated
from tests.system.fleet import Fleet
from tests.system.site import Site
from tests.system.upstream import NOON, Upstream
from tests.system.versions import LaterRecorded

pytestmark = pytest.mark.long

RESULTS: Final = 12
"""Published in each phase."""


@dataclass(frozen=True)
class Told:
    """What each phase published, and what was there afterwards."""

    published: dict[str, set[UUID]]
    rows_before: set[UUID]
    letters: list[DeadLetter]
    rows: Counter[UUID]
    open_letters: list[DeadLetter]


@pytest.fixture(scope="module")
def told(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    with migrated(endpoints, migrated_template) as database, ExitStack() as stack:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("tag"))
        yield lived(site, Fleet(site, stack))


def lived(site: Site, fleet: Fleet) -> Told:
    """Today's reader meets today's words and the later release's; then the later reader comes.

    The last words that it finds are today's: the writer was taken back to today's release.
    """
    published = {"today": recorded(site, fleet, "today", "first")}
    published["later"] = recorded(site, fleet, "later", "second")
    fleet.put(1, "today", "project")
    fleet.any.until(lambda: site.lag()["project"] == 0)
    rows_before = {row.event_id for row in site.rows()}
    letters = site.open_letters()
    fleet.end(1)
    published["taken back"] = recorded(site, fleet, "today", "third")
    fleet.put(1, "later", "project")
    site.redrive([letter.id for letter in letters])
    fleet.any.until(lambda: site.lag()["project"] == 0)
    rows = Counter(row.event_id for row in site.rows())
    return Told(published, rows_before, letters, rows, site.open_letters())


def recorded(site: Site, fleet: Fleet, version: str, name: str) -> set[UUID]:
    """Inference results that this release has put into the log."""
    results = [
        structs.replace(MODEL_RESULT, result_id=f"{name}-{n}", camera_id=f"c{n}", timestamp=NOON)
        for n in range(RESULTS)
    ]
    upstream = Upstream(site.cluster)
    for result in results:
        upstream.send(result.result_id, INFERENCE_RESULTS.name, result.camera_id, encode(result))
    upstream.flush()
    worker = fleet.put(0, version, "record_inference")
    worker.until(lambda: site.lag()["record_inference"] == 0)
    return {identity.inference_id(result) for result in results}


def test_an_older_reader_goes_on_with_the_words_that_it_knows(told: Told) -> None:
    assert told.rows_before == told.published["today"]


def test_a_tag_that_it_does_not_know_is_a_letter_that_says_so(told: Told) -> None:
    assert Counter((one.step, one.reason, one.field) for one in told.letters) == Counter(
        {("project", "unknown_type", "type"): RESULTS}
    )
    assert {tag(LaterRecorded) in one.detail for one in told.letters} == {True}


def test_after_the_upgrade_and_a_redrive_each_result_has_exactly_one_row(told: Told) -> None:
    assert told.rows == Counter(set().union(*told.published.values()))


def test_no_letter_is_left(told: Told) -> None:
    assert told.open_letters == []
