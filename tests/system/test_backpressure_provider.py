"""A provider that does not answer: its step waits, the others go on, and afterwards all is done.

For a moment, and (long) for a minute.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

import pytest
from msgspec import structs

from infra.services.endpoints import Endpoints
from schemas.clips import ClipReady
from schemas.codec import encode
from schemas.examples.stories import READY
from schemas.examples.upstream import MODEL_RESULT
from streams import identity
from streams.topics import AI_EVENTS, CLIPS, INFERENCE_RESULTS
from tests.embedded import fresh_cluster, migrated
from tests.system.moody_worker import HANGS, Moody
from tests.system.pressure import joined, members, moved, sampled
from tests.system.processes import COMMAND, process
from tests.system.site import Site
from tests.system.upstream import NOON, Upstream

EVENTS: Final = 1_500
"""More than the step takes in hand, so that partitions must be held."""

SLOTS: Final = 64
RESULTS: Final = 50
RSS_BYTES_MAX: Final = 512 << 20
"""Of docs/runbook.md."""


def clip(number: int) -> ClipReady:
    id_ = uuid5(READY.id, str(number))
    camera = uuid5(READY.id, f"camera-{number % 20}")
    enriched = structs.replace(READY.enriched, id=id_, camera_id=camera, timestamp=NOON)
    return structs.replace(READY, id=id_, camera_id=camera, timestamp=NOON, enriched=enriched)


@dataclass(frozen=True)
class Told:
    """What was seen while the provider was away, and what is there in the end."""

    calls_while_away: Counter[str]
    others_while_away: set[UUID]
    peak_bytes: int
    membership: tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]
    moved: list[str]
    outcomes: Counter[tuple[UUID, str]]
    logged: Counter[UUID]
    calls: Counter[str]
    lag: dict[str, int]


@pytest.fixture(
    scope="module",
    params=[pytest.param(0, id="moment"), pytest.param(60, id="minute", marks=pytest.mark.long)],
)
def told(
    request: pytest.FixtureRequest,
    endpoints: Endpoints,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("provider"))
        yield lived(site, away_s=request.param)


def lived(site: Site, *, away_s: float) -> Told:
    moody = Moody(site.folder)
    moody.mood(HANGS)
    upstream = Upstream(site.cluster)
    for event in map(clip, range(EVENTS)):
        upstream.send(str(event.id), CLIPS.name, str(event.camera_id), encode(event))
    upstream.flush()
    command = (*COMMAND[:2], "tests.system.moody_worker", str(site.folder))
    with process(site, *command, describe_deadline_s="300") as worker, sampled(worker) as memory:
        before = joined(site, worker)
        worker.until(lambda: len(moody.calls()) >= SLOTS)
        returns = time.monotonic() + away_s
        others = recorded(upstream)
        worker.until(lambda: others <= {row.event_id for row in site.rows()})
        worker.until(lambda: time.monotonic() >= returns)
        calls, seen = moody.calls(), {row.event_id for row in site.rows()}
        moody.mood("answers")
        worker.until(lambda: not any(site.lag().values()))
        words = [AI_EVENTS.codec.decode(record.value) for record in site.taken(AI_EVENTS.name)]
        return Told(
            calls_while_away=calls,
            others_while_away=others & seen,
            peak_bytes=memory.peak_bytes,
            membership=(before, members(site)),
            moved=moved(worker),
            outcomes=Counter((row.event_id, row.outcome) for row in site.rows()),
            logged=Counter(word.event_id for word in words),
            calls=moody.calls(),
            lag=site.lag(),
        )


def recorded(upstream: Upstream) -> set[UUID]:
    """Inference results, published now; they have nothing to do with providers."""
    results = [
        structs.replace(MODEL_RESULT, result_id=str(n), camera_id=f"c{n}", timestamp=NOON)
        for n in range(RESULTS)
    ]
    for result in results:
        upstream.send(result.result_id, INFERENCE_RESULTS.name, result.camera_id, encode(result))
    upstream.flush()
    return {identity.inference_id(result) for result in results}


def test_no_more_is_asked_than_there_are_slots(told: Told) -> None:
    assert told.calls_while_away.total() == SLOTS


def test_other_steps_go_on_meanwhile(told: Told) -> None:
    assert len(told.others_while_away) == RESULTS


def test_memory_is_bounded(told: Told) -> None:
    assert 0 < told.peak_bytes < RSS_BYTES_MAX


def test_nobody_leaves_the_group(told: Told) -> None:
    before, after = told.membership

    assert (after, told.moved) == (before, [])


def test_afterwards_each_event_is_described_once(told: Told) -> None:
    described = {key: n for key, n in told.outcomes.items() if key[1] == "described"}

    assert described == {(clip(number).id, "described"): 1 for number in range(EVENTS)}


def test_the_log_has_one_outcome_of_each(told: Told) -> None:
    assert told.logged == Counter(clip(number).id for number in range(EVENTS))


def test_no_call_was_made_twice(told: Told) -> None:
    assert told.calls == Counter(str(clip(number).id) for number in range(EVENTS))


def test_nothing_is_left(told: Told) -> None:
    assert set(told.lag.values()) == {0}
