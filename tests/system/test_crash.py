"""A worker killed in the middle of its work, one that is asked to stop: nothing lost or doubled.

The same 200 events meet three workers, one after the other: the first is killed, the second is
asked to stop while it works, the third finishes and is asked to stop when nothing is left.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from infra.services.endpoints import Endpoints
from streams import identity
from streams.topics import AI_EVENTS
from tests.embedded import fresh_cluster, migrated
from tests.system.bad_clips import lay_out
from tests.system.processes import PROTOCOLS, working
from tests.system.site import Site
from tests.system.upstream import Upstream, sighting

EVENTS = 200


@dataclass(frozen=True)
class Story:
    """What was seen on the way, and what is there in the end."""

    published: frozenset[UUID]
    done_at_kill: int
    done_at_stop: int
    status_at_stop: int
    status_at_end: int
    lag_at_end: dict[str, int]
    rows: Counter[UUID]
    logged: Counter[UUID]
    """By outcome."""


@pytest.fixture(scope="module", params=PROTOCOLS)
def story(
    request: pytest.FixtureRequest,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("crash"))
        yield told(site, request.param)


def told(site: Site, protocol: str) -> Story:
    clip, _ = lay_out(site.clips)
    events = [sighting(f"camera-{n % 7}", f"event-{n}", str(clip)) for n in range(EVENTS)]
    upstream = Upstream(site.cluster)
    for event in events:
        upstream.event(event)
    upstream.flush()

    with working(site, kafka_group_protocol=protocol) as killed:
        killed.until(lambda: len(site.rows()) >= EVENTS // 10)
        killed.kill()
    done_at_kill = len(site.rows())
    with working(site, kafka_group_protocol=protocol) as stopped:
        stopped.until(lambda: len(site.rows()) > done_at_kill)
        status_at_stop = stopped.stop()
    done_at_stop = len(site.rows())
    with working(site, kafka_group_protocol=protocol) as last:
        last.until(lambda: len(site.rows()) >= EVENTS)
        last.until(lambda: not any(site.lag().values()))
        status_at_end = last.stop()
    words = [AI_EVENTS.codec.decode(record.value) for record in site.taken(AI_EVENTS.name)]
    return Story(
        published=frozenset(identity.event_id(event) for event in events),
        done_at_kill=done_at_kill,
        done_at_stop=done_at_stop,
        status_at_stop=status_at_stop,
        status_at_end=status_at_end,
        lag_at_end=site.lag(),
        rows=Counter(row.event_id for row in site.rows()),
        logged=Counter(word.id for word in words),
    )


def test_the_workers_were_in_the_middle_of_it(story: Story) -> None:
    assert 0 < story.done_at_kill < story.done_at_stop < EVENTS


def test_each_event_has_exactly_one_row(story: Story) -> None:
    assert story.rows == Counter(story.published)


def test_the_log_has_exactly_one_record_per_outcome(story: Story) -> None:
    assert story.logged == Counter(identity.outcome_id(event) for event in story.published)


def test_a_worker_that_is_asked_to_stop_ends_well(story: Story) -> None:
    assert (story.status_at_stop, story.status_at_end) == (0, 0)


def test_a_worker_that_has_finished_leaves_no_lag(story: Story) -> None:
    assert set(story.lag_at_end.values()) == {0}
