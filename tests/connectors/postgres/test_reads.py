"""Questions to a real read model."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import pytest
from msgspec import structs

from connectors.postgres.pool import ReadPool
from connectors.postgres.reads import EPOCH, Reads, window_of
from connectors.postgres.sink import Sink
from schemas.examples.stories import ATTEMPT, DESCRIBED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import REGISTRATION
from schemas.outcomes import Earlier, InferenceRecorded
from streams import identity
from streams.projection.ports import Log, Move, ProjectionBatch
from streams.projection.project import Projected, project
from streams.projection.rows import Rows
from streams.queries import CacheRow, EventFilter, EventRow, Page, Place, Unavailable
from streams.records import Partition

EVENTS = Partition("ai.events.v1", 0)
ALL = EventFilter()
GIVEN_AT = DESCRIBED.timestamp + timedelta(seconds=20)


class Database(Protocol):
    url: str
    admin_url: str


def inference(n: int, *, seconds: float) -> InferenceRecorded:
    moment = RECORDED.timestamp + timedelta(seconds=seconds)
    result = structs.replace(RECORDED.result, result_id=f"r{n}", timestamp=moment)
    id_ = identity.inference_id(result)
    return structs.replace(RECORDED, id=id_, event_id=id_, timestamp=moment, result=result)


INFERENCES = [inference(n, seconds=n // 7) for n in range(50)]
"""Seven of them share each moment, so that pages must go by id too."""


@pytest.fixture
async def reads(database: Database) -> AsyncIterator[Reads]:
    await hold(database, [DESCRIBED, UNDESCRIBED, SKIPPED, ATTEMPT, REGISTRATION, *INFERENCES])
    pool = ReadPool(database.url)
    yield Reads(pool)
    await pool.close()


async def hold(database: Database, words: Sequence[Projected]) -> None:
    rows = Rows()
    for offset, word in enumerate(words):
        rows.add(project(word, word.timestamp + timedelta(seconds=20), offset))
    sink = Sink(database.url)
    await sink.claim({EVENTS: Log("topic-a")})
    await sink.write(ProjectionBatch(rows, {EVENTS: Move(0, len(words))}))
    await sink.close()


async def pages(reads: Reads, wanted: EventFilter, *, limit: int) -> list[EventRow]:
    found: list[EventRow] = []
    page = Page(limit=limit)
    while rows := await reads.events(wanted, page):
        assert len(rows) <= limit
        found.extend(rows)
        page = replace(page, after=Place(rows[-1].timestamp, rows[-1].id))
    return found


async def test_pages_show_every_event_once_newest_first(reads: Reads) -> None:
    found = await pages(reads, ALL, limit=4)

    assert len(found) == 53
    assert found == sorted(found, key=lambda row: (row.timestamp, row.id), reverse=True)
    assert len({row.id for row in found}) == 53


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (EventFilter(camera=UNDESCRIBED.camera_id), {UNDESCRIBED.id}),
        (EventFilter(outcome="skipped"), {SKIPPED.id}),
        (EventFilter(provider="openai"), {DESCRIBED.id}),
        (EventFilter(label="backpack", outcome="described"), {DESCRIBED.id}),
        (EventFilter(model=DESCRIBED.model_id), {DESCRIBED.id}),
        (EventFilter(model="none", since=SKIPPED.timestamp), {SKIPPED.id}),
        (
            EventFilter(model="none", since=UNDESCRIBED.timestamp, until=SKIPPED.timestamp),
            {UNDESCRIBED.id},
        ),
        (EventFilter(label="no such label"), set()),
    ],
)
async def test_filters_find_what_they_name(
    reads: Reads, wanted: EventFilter, ids: set[UUID]
) -> None:
    assert {row.id for row in await pages(reads, wanted, limit=2)} == ids


async def test_an_event_comes_with_its_attempts_and_its_clip(reads: Reads) -> None:
    detail = await reads.event(DESCRIBED.id)

    assert detail is not None
    assert detail.event.description == DESCRIBED.answer.description
    assert detail.event.detections == {"items": []}
    assert detail.event.event_metadata["answer"] == {"people": 1}
    (attempt,) = detail.attempts
    assert (attempt.id, attempt.usage) == (ATTEMPT.id, ATTEMPT.usage)
    assert str(attempt.cost_usd) == ATTEMPT.cost_usd
    assert attempt.frames == ATTEMPT.frames
    assert detail.clip is not None
    assert detail.clip.frames == DESCRIBED.frames
    assert isinstance(detail.clip.motion, dict)
    assert detail.clip.motion["still"] is False


async def test_an_undescribed_event_says_why(reads: Reads) -> None:
    detail = await reads.event(UNDESCRIBED.id)

    assert detail is not None
    assert (detail.event.model_id, detail.event.detections) == ("none", {})
    assert (detail.event.description, detail.event.reason) == (None, "no_frames")
    assert detail.event.event_metadata["clip_failure"] == "not_found"
    assert detail.clip is not None
    assert (detail.clip.failure, detail.clip.frames) == ("not_found", ())


async def test_a_skipped_event_has_no_clip(reads: Reads) -> None:
    detail = await reads.event(SKIPPED.id)

    assert detail is not None
    assert (detail.clip, detail.attempts) == (None, ())


@pytest.mark.parametrize("unknown", [UUID(int=0), UUID(int=2**128 - 1), RECORDED.id])
async def test_an_unknown_id_is_nothing(reads: Reads, unknown: UUID) -> None:
    assert await reads.event(unknown) is None


async def test_cameras_are_all_devices(reads: Reads) -> None:
    cameras = {camera.id: camera for camera in await reads.cameras()}

    registered = cameras[identity.camera_id(REGISTRATION.source, REGISTRATION.camera_id)]
    assert (registered.name, registered.registered) == (REGISTRATION.name, True)
    assert isinstance(registered.settings["zones"], list)
    assert cameras[UNDESCRIBED.camera_id].registered is False


def test_a_question_about_ids_looks_no_further_than_their_time() -> None:
    window = window_of([SKIPPED.id, DESCRIBED.id])

    assert window is not None
    assert window[0] <= DESCRIBED.timestamp <= SKIPPED.timestamp <= window[1]
    assert window[1] - window[0] < SKIPPED.timestamp - DESCRIBED.timestamp + timedelta(seconds=1)


async def test_a_database_that_is_away_is_unavailable(database: Database) -> None:
    for url in ("postgresql://nobody@127.0.0.1:1/x", database.url + "_that_does_not_exist"):
        pool = ReadPool(url)
        with pytest.raises(Unavailable, match="database"):
            await Reads(pool).reachable()
        await pool.close()

    unmigrated = ReadPool(database.url, schema="no_such_schema")
    with pytest.raises(Unavailable, match="does not exist"):
        await Reads(unmigrated).cameras()
    await unmigrated.close()


async def test_reachable_returns_when_the_database_answers(reads: Reads) -> None:
    await reads.reachable()


async def test_statistics_count_events_and_calls_by_provider(reads: Reads) -> None:
    found = await reads.statistics(EPOCH)

    (row,) = found.providers
    assert (found.events, found.oldest) == (1, DESCRIBED.timestamp)
    assert (row.provider, row.events) == ("openai", 1)
    assert (row.answered, row.failed, row.success_rate) == (1, 0, 1.0)
    assert (row.cost_usd, row.unknown_costs) == (Decimal(ATTEMPT.cost_usd or 0), 0)


async def test_statistics_of_later_events_are_empty(reads: Reads) -> None:
    found = await reads.statistics(DESCRIBED.timestamp + timedelta(days=1))

    assert (found.events, found.oldest, list(found.providers)) == (0, None, [])


@pytest.mark.parametrize(
    ("cleared", "entries"),
    [
        ({}, 1),
        ({"person": GIVEN_AT}, 1),
        ({"person": GIVEN_AT + timedelta(seconds=1)}, 0),
        ({"all": GIVEN_AT + timedelta(seconds=1), "person": GIVEN_AT}, 0),
        ({"vehicle": GIVEN_AT + timedelta(seconds=1)}, 1),
    ],
)
async def test_caches_are_counted_by_kind_and_what_was_cleared_is_no_entry(
    database: Database, cleared: dict[str, datetime], entries: int
) -> None:
    used = structs.replace(
        DESCRIBED,
        id=UUID(int=DESCRIBED.id.int + 1),
        prompt_kind="person",
        reused=Earlier(cache_type="content", outcome_id=DESCRIBED.id, answered_at=GIVEN_AT),
    )
    given = structs.replace(DESCRIBED, prompt_kind="person", content_key="a" * 64)
    await hold(database, [given, used])
    pool = ReadPool(database.url)

    (found,) = await Reads(pool).caches(cleared)

    await pool.close()
    assert found == CacheRow("person", entries, 1, 1)
