"""One event published twice, the second time after the first is in the table."""

from dataclasses import dataclass

import msgspec
import pytest

from streams import identity
from streams.topics import AI_ATTEMPTS, AI_EVENTS, Topic
from tests.system.processes import Worker
from tests.system.site import Site
from tests.system.upstream import Upstream, sighting


@dataclass(frozen=True)
class Twice:
    """What is there afterwards, of this event."""

    rows: int
    outcomes: int
    attempts: int


@pytest.fixture(scope="module")
def twice(site: Site, worker: Worker) -> Twice:
    event = sighting("yard", "published-twice", f"{site.clips}/good.mp4")
    event_id = identity.event_id(event)
    upstream = Upstream(site.cluster)
    for _ in range(2):
        upstream.event(event)
        upstream.flush()
        worker.until(lambda: event_id in {row.event_id for row in site.rows()})
        worker.until(lambda: not any(site.lag().values()))

    def logged(topic: Topic[msgspec.Struct]) -> int:
        words = [topic.codec.decode(record.value) for record in site.taken(topic.name)]
        return sum(getattr(word, "event_id", None) == event_id for word in words)

    rows = [row for row in site.rows() if row.event_id == event_id]
    return Twice(len(rows), logged(AI_EVENTS), logged(AI_ATTEMPTS))


def test_it_has_one_row(twice: Twice) -> None:
    assert twice.rows == 1


def test_it_has_one_outcome_in_the_log(twice: Twice) -> None:
    assert twice.outcomes == 1


def test_its_provider_was_asked_once(twice: Twice) -> None:
    assert twice.attempts == 1
