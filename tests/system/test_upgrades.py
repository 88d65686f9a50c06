"""Two releases side by side: a rolling restart under load, there and back.

Two workers of today's release are replaced by workers of the next one, which writes a field more,
and those by today's again, while upstream publishes all the time.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import pytest
from msgspec import json

from infra.services.endpoints import Endpoints
from streams.topics import AI_EVENTS, AI_INFERENCES, ENRICHED
from tests.embedded import fresh_cluster, migrated
from tests.system.fleet import Fleet
from tests.system.load import Load, loading
from tests.system.site import Site

pytestmark = pytest.mark.long

FRESH: Final = 40
"""So many new rows show that whoever works now works on."""


@dataclass(frozen=True)
class Told:
    """What is there after the upgrade and the way back."""

    published: set[UUID]
    rows: Counter[UUID]
    logged: Counter[UUID]
    coded: dict[str, Counter[bool]]
    """By topic: how many of its records have the next release's field, and how many have not."""
    letters: int
    statuses: list[int]
    lag: dict[str, int]


@pytest.fixture(scope="module")
def told(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    with migrated(endpoints, migrated_template) as database, ExitStack() as stack:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("upgrade"))
        fleet = Fleet(site, stack)
        for slot in (0, 1):
            fleet.put(slot, "today")
        with loading(site.cluster) as load:
            for version in ("next", "today"):
                for slot in (0, 1):
                    fleet.work_on(FRESH)
                    fleet.put(slot, version)
            fleet.work_on(FRESH)
        fleet.any.until(lambda: not any(site.lag().values()))
        yield summed(site, load, fleet)


def summed(site: Site, load: Load, fleet: Fleet) -> Told:
    values = {t.name: [r.value for r in site.taken(t.name)] for t in (AI_EVENTS, AI_INFERENCES)}
    enriched = [record.value for record in site.taken(ENRICHED.name)]
    words = [AI_EVENTS.codec.decode(value) for value in values[AI_EVENTS.name]]
    results = [AI_INFERENCES.codec.decode(value) for value in values[AI_INFERENCES.name]]
    return Told(
        published=load.events | load.inferences,
        rows=Counter(row.event_id for row in site.rows()),
        logged=Counter(word.event_id for word in (*words, *results)),
        coded={
            AI_INFERENCES.name: Counter(has_code(value) for value in values[AI_INFERENCES.name]),
            ENRICHED.name: Counter(has_code(value) for value in enriched),
        },
        letters=len(site.all_letters()),
        statuses=fleet.statuses,
        lag=site.lag(),
    )


def has_code(value: bytes | None) -> bool:
    return "site_code" in json.decode(value or b"{}")


@pytest.mark.parametrize("topic", [ENRICHED.name, AI_INFERENCES.name])
def test_both_releases_have_written_while_it_went_on(told: Told, topic: str) -> None:
    assert min(told.coded[topic][True], told.coded[topic][False]) > FRESH


def test_each_event_has_exactly_one_row(told: Told) -> None:
    assert told.rows == Counter(told.published)


def test_the_log_has_exactly_one_record_of_each(told: Told) -> None:
    assert told.logged == Counter(told.published)


def test_no_release_refuses_what_its_neighbour_writes(told: Told) -> None:
    assert told.letters == 0


def test_whoever_was_replaced_ended_well(told: Told) -> None:
    assert told.statuses == [0, 0, 0, 0]


def test_nothing_is_left(told: Told) -> None:
    assert set(told.lag.values()) == {0}
