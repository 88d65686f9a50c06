"""Agents with bugs, in a worker that is supervised: the record at fault is found, whatever it does.

Every bad event has neighbours of the same camera right before and right after it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import httpx
import pytest

from infra.operation.vitals import ABANDONED_MAX
from infra.services.endpoints import Endpoints
from streams import identity
from streams.dead_letters import DeadLetter
from tests.embedded import fresh_cluster, migrated
from tests.system.bad_clips import lay_out
from tests.system.processes import Worker, buggy
from tests.system.site import Site
from tests.system.upstream import Upstream, sighting

BUGS: Final = {
    "enrich-bug-kill": "killed_worker",
    "enrich-bug-fail": "agent_failed",
    "enrich-bug-leave": "agent_failed",
    "enrich-bug-nonsense": "agent_failed",
    "describe-bug-block": "blocked_worker",
    "describe-bug-hang": "time_limit",
    "describe-bug-fail": "agent_failed",
    "describe-bug-leave": "agent_failed",
    "describe-bug-nonsense": "agent_failed",
    "describe-bug-swell": "agent_failed",
}
"""What sets a bug off, and the reason that its letter must have."""

SLOW: Final = {
    "enrich-bug-block": "blocked_worker",
    "enrich-bug-swell": "agent_failed",
    "fetch_clips-bug-kill": "killed_worker",
    "describe-bug-kill": "killed_worker",
    "describe-bug-hold": "blocked_worker",
    "project-bug-kill": "killed_worker",
    "project-bug-block": "blocked_worker",
}
"""Likewise; some deaths more."""


@dataclass(frozen=True)
class Story:
    """What became of it all."""

    letters: dict[str, DeadLetter]
    """By the event that each is about."""
    rows: Counter[str]
    """By event."""
    deaths: list[str]
    """What the supervisor said of each."""
    health: dict[str, object]
    """In the end."""
    left: list[str]
    """Starts that are still unfinished."""


def told(site: Site, bugs: dict[str, str], **settings: str) -> Story:
    clip, _ = lay_out(site.clips)
    events = [
        sighting(f"camera-{bug}", name, str(clip))
        for bug in bugs
        for name in (f"{bug}-before", bug, f"{bug}-after")
    ]
    upstream = Upstream(site.cluster)
    for event in events:
        upstream.event(event)
    upstream.flush()
    names = {identity.event_id(event): event.event_id for event in events}
    with buggy(site, **settings) as worker:
        worker.until(lambda: len(site.all_letters()) >= len(bugs))
        good = {id_ for id_, name in names.items() if name not in bugs}
        worker.until(lambda: good <= {row.event_id for row in site.rows()})
        worker.until(lambda: not any(site.lag().values()))
        health = worker.until(lambda: healthy(worker))
        assert worker.stop() == 0
    return Story(
        letters={name_of(letter, site): letter for letter in site.all_letters()},
        rows=Counter(names[row.event_id] for row in site.rows()),
        deaths=[str(line["cause"]) for line in worker.lines("supervisor.again")],
        health=health,
        left=site.unfinished(),
    )


def name_of(letter: DeadLetter, site: Site) -> str:
    """The upstream's id of the event that a letter is about, however deep inside."""
    value = json.loads(site.content(letter) or b"{}")
    while "event" in value or "enriched" in value:
        value = value.get("event") or value.get("enriched")
    return str(value["event_id"])


def healthy(worker: Worker) -> "dict[str, object] | None":
    """What the worker that runs now says, once all is well with it."""
    return said(worker, 200)


def said(worker: Worker, status: int) -> "dict[str, object] | None":
    """What `/health` of the worker that was ready last says with this status."""
    ready = list(worker.lines("worker.ready"))
    try:
        answer = httpx.get(str(ready[-1]["metrics"]).replace("/metrics", "/health"))
    except (httpx.HTTPError, IndexError):
        return None
    found: dict[str, object] = answer.json()
    return found if answer.status_code == status else None


@pytest.fixture(scope="module")
def story(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("bugs"))
        yield told(site, BUGS, stall_timeout_s="4")


@pytest.mark.parametrize("bug", BUGS)
def test_the_record_at_fault_is_a_letter_with_its_reason(bug: str, story: Story) -> None:
    letter = story.letters[bug]

    assert (letter.step, letter.reason) == (bug.partition("-")[0], BUGS[bug]), letter.detail
    assert story.rows[bug] == 0


def test_nothing_else_became_a_letter(story: Story) -> None:
    assert story.letters.keys() == BUGS.keys()


@pytest.mark.parametrize("bug", BUGS)
def test_its_neighbours_have_one_outcome_each(bug: str, story: Story) -> None:
    assert (story.rows[f"{bug}-before"], story.rows[f"{bug}-after"]) == (1, 1)


def test_each_of_the_two_took_three_deaths(story: Story) -> None:
    deaths = Counter(story.deaths)

    assert deaths.pop("SIGSEGV") == 3
    assert deaths.keys() == {"it failed, or it was blocked for too long"}
    # One more where a call was given up beside it: then nobody counts as alone.
    assert deaths.total() in {3, 4}


def test_in_the_end_the_worker_is_well_and_tells_what_it_gave_up(story: Story) -> None:
    assert story.health["status"] == "ok"


def test_nobody_is_suspected_any_more(story: Story) -> None:
    assert story.left == []


@pytest.mark.long
@pytest.mark.parametrize("bug", SLOW)
def test_each_other_bug_is_found_as_well(bug: str, site: Site) -> None:
    story = told(site, {bug: SLOW[bug]}, stall_timeout_s="4")

    assert {name: letter.reason for name, letter in story.letters.items()} == {bug: SLOW[bug]}
    assert (story.rows[f"{bug}-before"], story.rows[f"{bug}-after"], story.left) == (1, 1, [])


@pytest.fixture
def site(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with migrated(endpoints, migrated_template) as database:
        yield Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("bug"))


def published(site: Site, *names: str) -> set[UUID]:
    clip, _ = lay_out(site.clips)
    upstream = Upstream(site.cluster)
    events = [sighting("gate", name, str(clip)) for name in names]
    for event in events:
        upstream.event(event)
    upstream.flush()
    return {identity.event_id(event) for event in events}


@pytest.mark.long
def test_a_worker_that_leaks_finishes_what_it_has_and_is_started_again(site: Site) -> None:
    wanted = published(site, "fetch_clips-bug-leak", "good")

    with buggy(site, memory_max_mb="400") as worker:
        worker.until(lambda: wanted <= {row.event_id for row in site.rows()})
        again = worker.until(lambda: list(worker.lines("supervisor.again")))
        worker.until(lambda: not any(site.lag().values()))

    assert [line["cause"] for line in again] == ["it asked for a fresh process"]
    assert (len(site.rows()), site.all_letters()) == (2, ())


@pytest.mark.long
def test_a_worker_with_too_many_calls_that_never_end_is_started_again(site: Site) -> None:
    names = [f"describe-bug-hang{n}" for n in range(ABANDONED_MAX + 1)]
    published(site, *names, "good")

    with buggy(site) as worker:
        again = worker.until(lambda: list(worker.lines("supervisor.again")))
        worker.until(lambda: len(site.all_letters()) == len(names) and len(site.rows()) == 1)

    assert [line["cause"] for line in again] == ["it asked for a fresh process"]
    assert {letter.reason for letter in site.all_letters()} == {"time_limit"}


@pytest.mark.long
def test_a_worker_that_stands_still_says_so_until_it_is_ended(site: Site) -> None:
    published(site, "describe-bug-block")

    with buggy(site, stall_timeout_s="15") as worker:
        health = worker.until(lambda: said(worker, 503))
        worker.until(lambda: list(worker.lines("supervisor.again")))

    assert health["status"] == "blocked"


@pytest.mark.long
def test_a_worker_ends_although_a_thread_of_an_agent_never_does(site: Site) -> None:
    published(site, "describe-bug-thread")

    with buggy(site) as worker:
        worker.until(site.all_letters)
        worker.stop()
        ended = list(worker.lines("supervisor.ended"))

    assert [letter.reason for letter in site.all_letters()] == ["time_limit"]
    assert len(ended) == 1
