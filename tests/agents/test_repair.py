"""What nobody could describe is taken up again, when somebody can."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from agents.repair import AT_ONCE, Repair
from connectors.memory.publisher import MemoryPublisher
from schemas.cameras import Camera
from schemas.examples.upstream import FRONT_GATE
from schemas.requests import AnalysisRequested
from streams import describing, identity
from streams.providers.repairing import AGE_MAX, REVISIONS_MAX, WAIT, Unanswered, due
from streams.queries import EventRow, Unavailable
from streams.topics import ANALYSIS_REQUESTS
from tests.agents.runtime.scene import NOON, FastClock
from tests.connectors.http.rows import CLIP, EVENT

OPEN = replace(
    EVENT,
    outcome="undescribed",
    description=None,
    provider_used=None,
    reason="all_providers_failed",
    timestamp=NOON - timedelta(hours=1),
    created_at=NOON - timedelta(hours=1),
)


@dataclass
class Remembered:
    """A read model with one event that nobody has described."""

    open: list[EventRow] = field(default_factory=lambda: [OPEN])
    away: bool = False

    async def unanswered(self, now: datetime, limit: int) -> list[Unanswered]:
        if self.away:
            raise Unavailable("database", "told to be away")
        return [Unanswered(row, CLIP) for row in self.open if due(row, now)][:limit]


class Registered:
    """A registry that knows the gate by a stricter privacy than it once had."""

    def find(self, camera_id: UUID) -> Camera | None:
        return FRONT_GATE if camera_id == FRONT_GATE.id else None


def repair(publisher: MemoryPublisher, *, unrepaired: Remembered, can: bool = True) -> Repair:
    return Repair(unrepaired, Registered(), lambda _: can, publisher, FastClock())


def opened(number: int, camera_id: UUID) -> EventRow:
    id_ = UUID(int=OPEN.event_id.int + number)
    return replace(OPEN, id=id_, event_id=id_, camera_id=camera_id)


def requests(publisher: MemoryPublisher) -> list[AnalysisRequested]:
    return [ANALYSIS_REQUESTS.codec.decode(record.value) for record in publisher.records]


async def test_the_request_holds_what_was_seen_and_names_what_it_revises() -> None:
    publisher = MemoryPublisher()

    assert await repair(publisher, unrepaired=Remembered()).once() == 1

    (wanted,) = requests(publisher)
    subject = describing.of_request(wanted)
    assert (wanted.revises, wanted.revision, wanted.because) == (OPEN.id, 2, "repair")
    assert (subject.enriched.id, subject.frames) == (OPEN.event_id, CLIP.frames)
    assert subject.enriched.camera == FRONT_GATE
    assert subject.outcome_id == identity.outcome_id(wanted.id) != OPEN.id


async def test_a_worker_that_was_restarted_asks_for_the_same_thing() -> None:
    publisher = MemoryPublisher()

    for _ in range(2):
        await repair(publisher, unrepaired=Remembered()).once()

    first, second = requests(publisher)
    assert first == second


async def test_what_is_under_way_is_not_asked_for_again() -> None:
    publisher = MemoryPublisher()
    worker = repair(publisher, unrepaired=Remembered())

    assert [await worker.once(), await worker.once()] == [1, 0]


async def test_while_nobody_can_be_asked_nothing_is_requested() -> None:
    publisher = MemoryPublisher()

    assert await repair(publisher, unrepaired=Remembered(), can=False).once() == 0
    assert publisher.records == []


async def test_what_nobody_can_be_asked_about_hides_nothing_behind_it() -> None:
    shut, publisher = UUID(int=1), MemoryPublisher()
    rows = [*(opened(n, shut) for n in range(AT_ONCE)), opened(AT_ONCE, FRONT_GATE.id)]
    worker = Repair(
        Remembered(rows), Registered(), lambda camera: camera.id != shut, publisher, FastClock()
    )

    assert await worker.once() == 1
    assert [wanted.camera_id for wanted in requests(publisher)] == [FRONT_GATE.id]


async def test_a_backlog_is_requested_a_few_at_a_time() -> None:
    publisher = MemoryPublisher()
    rows = [opened(n, FRONT_GATE.id) for n in range(AT_ONCE + 3)]
    worker = repair(publisher, unrepaired=Remembered(rows))

    assert [await worker.once(), await worker.once()] == [AT_ONCE, 3]
    assert len({wanted.id for wanted in requests(publisher)}) == AT_ONCE + 3


@pytest.mark.parametrize(
    ("row", "is_due"),
    [
        (OPEN, True),
        (replace(OPEN, created_at=NOON - WAIT / 2), False),
        (replace(OPEN, revision=4, created_at=NOON - 7 * WAIT), False),
        (replace(OPEN, revision=4, created_at=NOON - 8 * WAIT), True),
        (replace(OPEN, revision=REVISIONS_MAX + 1), False),
        (replace(OPEN, timestamp=NOON - AGE_MAX - WAIT), False),
    ],
)
def test_each_revision_waits_twice_as_long_and_there_is_an_end(
    row: EventRow, *, is_due: bool
) -> None:
    assert due(row, NOON) == is_due
