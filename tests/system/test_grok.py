"""A key of xAI is set, and a simulated xAI answers: from the event to the API, on real services."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx
import pytest

from infra.api import build
from infra.demo.video import make_small
from infra.fakes.hosting import hosted
from infra.fakes.modes import Call, Counted
from infra.fakes.openai import ChatSpeech
from infra.fakes.server import Fake
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from streams.topics import AI_ATTEMPTS, AI_EVENTS
from tests.embedded import finish, fresh_cluster, migrated
from tests.system.processes import working
from tests.system.site import Row, Site, Taken
from tests.system.upstream import Upstream, sighting

KEY: Final = "xai-planted-0123456789abcdef"


@dataclass(frozen=True)
class Told:
    """What was there in the end, and what xAI saw."""

    row: Row
    outcome: dict[str, object]
    attempts: list[dict[str, object]]
    shown: dict[str, object]
    calls: list[Call]
    counted: Counted
    words: str
    """Whatever the worker said, and every record of the log."""


@pytest.fixture(scope="module")
def told(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    fake = Fake(ChatSpeech("xai", xai=True), KEY)
    with migrated(endpoints, migrated_template) as database, hosted(fake):
        site = Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("grok"))
        fake.script.append("503")
        yield lived(site, fake)


def lived(site: Site, fake: Fake) -> Told:
    clip, _ = make_small(site.clips, 1)
    event = sighting("gate", "evening", str(clip))
    upstream = Upstream(site.cluster)
    upstream.event(event)
    upstream.flush()
    grok = {"xai_api_key": KEY, "grok_base_url": f"{fake.url}/v1"}
    with working(site, **grok) as worker:
        (row,) = worker.until(site.rows)
        worker.until(lambda: not any(site.lag().values()))
        worker.stop()
        said = worker.said()
    events, attempts = site.taken(AI_EVENTS.name), site.taken(AI_ATTEMPTS.name)
    (outcome,) = map(decoded, events)
    return Told(
        row,
        outcome,
        [found for found in map(decoded, attempts) if found["type"] == "provider-attempted"],
        finish(shown(site, row)),
        fake.calls,
        fake.counted,
        said + repr(events) + repr(attempts),
    )


def decoded(record: Taken) -> dict[str, object]:
    found = json.loads(record.value or b"")
    assert isinstance(found, dict)
    return found


async def shown(site: Site, row: Row) -> dict[str, object]:
    """By the API."""
    settings = Settings.model_validate(
        {
            "folder": site.folder,
            "kafka_bootstrap_servers": site.cluster.bootstrap_servers,
            "namespace": site.cluster.namespace,
            "database_url": site.database.url,
        }
    )
    async with build(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            found = (await client.get(f"/api/v1/events/{row.id}")).json()
    assert isinstance(found, dict)
    return found


def test_grok_is_named_in_the_log_the_table_and_the_api(told: Told) -> None:
    named = (told.outcome["provider_used"], told.row.provider, told.shown["provider_used"])

    assert named == ("grok", "grok", "grok")


def test_the_description_is_the_one_that_it_gave(told: Told) -> None:
    pictures = len(told.calls[-1].frames)

    said = f"Simulated answer of xai: {pictures} pictures were seen."
    assert told.shown["description"] == said


def test_who_has_no_key_and_what_failed_stand_in_the_log_before_the_answer(told: Told) -> None:
    places = [
        (
            attempt["provider"],
            attempt["status"],
            attempt["not_asked"] or attempt["error_class"],
        )
        for attempt in told.attempts
    ]

    assert places == [
        ("openai", "skipped", "no_key"),
        ("grok", "failed", "overloaded"),
        ("grok", "answered", None),
    ]


def test_tokens_in_the_log_are_those_that_it_counted(told: Told) -> None:
    usage = told.attempts[-1]["usage"]

    assert isinstance(usage, dict)
    assert (usage["input_tokens"], usage["output_tokens"], len(told.attempts)) == (
        told.counted.input_tokens,
        told.counted.output_tokens,
        told.counted.calls + 1,
    )


def test_the_frames_that_it_saw_are_those_of_the_attempt(told: Told) -> None:
    assert told.attempts[-1]["frames"] == list(told.calls[-1].frames)


def test_the_key_is_in_no_record_and_in_no_line(told: Told) -> None:
    assert KEY not in told.words
