"""Which outcomes are open, as PostgreSQL finds them: as `streams.providers.repairing.due` says."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import structs

from connectors.postgres.pool import ReadPool
from connectors.postgres.sink import Sink
from connectors.postgres.unrepaired import PostgresUnrepaired
from schemas.examples.stories import DEGRADED, DESCRIBED, UNDESCRIBED
from schemas.outcomes import AiEvent, Undescribed
from streams import describing
from streams.projection.ports import Log, Move, ProjectionBatch
from streams.projection.project import project
from streams.projection.rows import Rows
from streams.providers.prompts import ANY
from streams.providers.repairing import REVISIONS_MAX, WAIT, camera_of, request
from streams.records import Partition
from tests.embedded import Database

EVENTS = Partition("ai.events.v1", 0)
RECORDED_AT = DESCRIBED.timestamp + timedelta(seconds=20)
NOW = RECORDED_AT + timedelta(hours=1)

OPEN = structs.replace(
    UNDESCRIBED,
    event=DESCRIBED.event,
    reason="all_providers_failed",
    frames=DESCRIBED.frames,
    clip=DESCRIBED.clip,
    motion=DESCRIBED.motion,
    clip_failure=None,
)


def revised(outcome: Undescribed, revision: int) -> Undescribed:
    return structs.replace(outcome, id=UUID(int=outcome.id.int + revision), revision=revision)


async def found(database: Database, *outcomes: AiEvent) -> list[tuple[str, int]]:
    """What is open, by outcome and revision, when the log holds these."""
    sink, pool = Sink(database.url), ReadPool(database.url)
    rows = Rows()
    for offset, outcome in enumerate(outcomes):
        rows.add(project(outcome, RECORDED_AT, offset))
    try:
        await sink.claim({EVENTS: Log("topic-a")})
        await sink.write(ProjectionBatch(rows, {EVENTS: Move(0, len(outcomes))}))
        unanswered = await PostgresUnrepaired(pool).unanswered(NOW, 10)
    finally:
        await sink.close()
        await pool.close()
    for each in unanswered:
        subject = describing.of_request(request(each, camera_of(each.event), NOW))
        assert subject.frames == DESCRIBED.frames
    return [(each.event.outcome, each.event.revision) for each in unanswered]


async def test_the_undescribed_and_the_degraded_are_open_newest_first(
    database: Database,
) -> None:
    assert await found(database, OPEN, DEGRADED) == [("undescribed", 1), ("degraded", 1)]


async def test_an_event_that_was_described_at_once_is_not_open(database: Database) -> None:
    assert await found(database, DESCRIBED) == []


async def test_only_the_newest_revision_is_open(database: Database) -> None:
    assert await found(database, OPEN, revised(OPEN, 2)) == [("undescribed", 2)]


@pytest.mark.parametrize(
    "closed",
    [
        structs.replace(OPEN, reason="no_frames"),
        structs.replace(OPEN, frames=(), clip=None),
        revised(OPEN, REVISIONS_MAX + 1),
        structs.replace(OPEN, timestamp=NOW - timedelta(days=8)),
        revised(OPEN, 1 + (timedelta(hours=1) // WAIT).bit_length()),
    ],
    ids=["no reason to ask", "nothing to see", "asked often enough", "too old", "not due yet"],
)
async def test_what_asking_can_not_mend_now_is_left_alone(
    database: Database, closed: Undescribed
) -> None:
    assert await found(database, closed) == []


async def test_a_description_closes_an_event(database: Database) -> None:
    answered = structs.replace(
        DESCRIBED,
        id=revised(OPEN, 2).id,
        event_id=OPEN.event_id,
        camera_id=OPEN.camera_id,
        timestamp=OPEN.timestamp,
        revision=2,
        revises=OPEN.id,
        prompt_kind=ANY,
    )

    assert await found(database, OPEN, answered) == []
