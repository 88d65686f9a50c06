"""The story of one event: golden texts of what the log has about it."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from schemas.codec import encode
from schemas.event import Event
from schemas.examples.stories import (
    ATTEMPT,
    BEGUN,
    DESCRIBED,
    NOT_WANTED,
    PERSON_ENRICHED,
    READY,
    REQUESTED,
    SKIPPED,
    UNAVAILABLE,
    UNDESCRIBED,
)
from schemas.examples.upstream import MORNING, PERSON_SEEN, WENT_OFFLINE
from streams import identity
from streams.dead_letters import Rejected, fold, letter
from streams.poison.redriving import redrive
from streams.records import Partition, Record
from streams.telling.story import tell
from streams.telling.traces import Traces
from streams.topics import DEAD_LETTERS, TOPICS
from tests.streams.telling import golden

PERSON, MOVEMENT, OFFLINE = DESCRIBED.event_id, UNDESCRIBED.event_id, SKIPPED.event_id
TOPIC_OF: dict[type[msgspec.Struct], str] = {
    word: topic.name for topic in TOPICS for word in topic.words
}
FAILED = replace(
    ATTEMPT,
    id=identity.follows(PERSON, "grok"),
    provider="grok",
    status="failed",
    error_class="quota",
    detail="credits used up",
    model_asked="grok-4",
    model_answered=None,
    latency_ms=412.0,
    cost_usd=None,
    usage=None,
    attempted_at=ATTEMPT.attempted_at - timedelta(seconds=1),
)
PASSED_OVER = replace(
    FAILED,
    id=identity.follows(PERSON, "gemini"),
    provider="gemini",
    status="skipped",
    not_asked="no_key",
    error_class=None,
    detail="GEMINI_API_KEY is not set",
    model_asked=None,
    latency_ms=None,
    attempted_at=ATTEMPT.attempted_at - timedelta(seconds=2),
)
REPAIRED = replace(
    DESCRIBED,
    id=identity.outcome_id(REQUESTED.id),
    revision=2,
    revises=UNDESCRIBED.id,
)


def lying(word: Event, after_s: float, offset: int = 0) -> Record:
    """The word in its topic, so long after that morning's event."""
    at = MORNING + timedelta(seconds=after_s)
    place = Partition(TOPIC_OF[type(word)], 3)
    return Record(place, offset, b"key", encode(word), (), round(at.timestamp() * 1000))


def story(id_: UUID, *records: Record) -> str:
    traces = Traces(id_)
    traces.add(records)
    trail = traces.trail()
    assert trail is not None
    told = tell(trail)
    lines = [f"{line.at:%H:%M:%S} {line.text}" for line in told.lines]
    return "\n".join([*lines, told.stands])


def test_described_by_the_second_provider() -> None:
    told = story(
        PERSON,
        lying(DESCRIBED, 16),
        lying(ATTEMPT, 16),
        lying(FAILED, 16),
        lying(PASSED_OVER, 16),
        lying(BEGUN, 13.5),
        lying(READY, 4),
        lying(PERSON_ENRICHED, 1),
        lying(PERSON_SEEN, 0.5),
    )

    assert told == golden.DESCRIBED_AFTER_FALLBACK


def test_undescribed_with_a_still() -> None:
    still = replace(UNAVAILABLE, snapshot=READY.frames[0])
    left = replace(UNDESCRIBED, reason="all_providers_failed", detail="openai: server: down")

    told = story(MOVEMENT, lying(still, 70), lying(left, 80))

    assert told == golden.LEFT_UNDESCRIBED


def test_skipped_by_policy() -> None:
    told = story(OFFLINE, lying(WENT_OFFLINE, 235), lying(NOT_WANTED, 236), lying(SKIPPED, 237))

    assert told == golden.SKIPPED_BY_POLICY


def test_repaired_later() -> None:
    left = replace(DESCRIBED_NOT, id=identity.outcome_id(PERSON))
    asked = replace(REQUESTED, because="repair", requested_by="repair", why="undescribed: too_old")

    told = story(REPAIRED.id, lying(left, 60), lying(asked, 600), lying(REPAIRED, 610))

    assert told == golden.REPAIRED_LATER


DESCRIBED_NOT = replace(
    UNDESCRIBED,
    event_id=PERSON,
    event=PERSON_SEEN,
    timestamp=MORNING,
    reason="too_old",
    detail="older than 3600 s",
    clip_failure=None,
)


def test_a_call_that_began_and_never_ended() -> None:
    told = story(PERSON, lying(BEGUN, 13.5), lying(DESCRIBED, 40))

    assert told == golden.NEVER_ENDED


def test_a_call_without_an_end_may_be_under_way_while_there_is_no_outcome() -> None:
    assert "it is under way, or its worker died" in story(PERSON, lying(BEGUN, 13.5))


def dead(record: Record) -> Record:
    written = letter("describe", record, Rejected("agent_failed", "KeyError: 'x'"))
    place = Partition(DEAD_LETTERS.name, 1)
    at = record.timestamp_ms + 5_000
    return Record(place, 7, written.key, written.value, written.headers, at)


def test_dead_lettered() -> None:
    clip = lying(READY, 4, offset=12)

    assert story(PERSON, clip, dead(clip)) == golden.DEAD_LETTERED


def test_a_letter_tells_of_its_event_when_the_record_is_gone() -> None:
    told = story(PERSON, dead(lying(PERSON_SEEN, 1)))

    assert "waits as a dead letter" in told


def test_a_letter_that_was_redriven_waits_for_nobody() -> None:
    clip = lying(READY, 4, offset=12)
    record = dead(clip)
    (found,) = fold([record])
    marker = redrive(found, record, record.value)[1]
    marked = Record(record.partition, 8, marker.key, marker.value, marker.headers, 9)

    told = story(PERSON, clip, record, marked)

    assert "was given another chance" in told
    assert "waits as a dead letter" not in told


def test_what_was_written_twice_is_told_once() -> None:
    once = story(PERSON, lying(READY, 4), lying(DESCRIBED, 16))

    assert story(PERSON, *[lying(READY, 4), lying(DESCRIBED, 16)] * 2) == once


def test_a_second_publication_is_mentioned() -> None:
    told = story(PERSON, lying(PERSON_SEEN, 1), lying(PERSON_SEEN, 90))

    assert "It was published 2 times, which counts once." in told


@pytest.mark.parametrize("id_", [PERSON, DESCRIBED.id, ATTEMPT.id])
def test_any_id_of_the_story_finds_it(id_: UUID) -> None:
    records = [lying(PERSON_SEEN, 1), lying(ATTEMPT, 16), lying(DESCRIBED, 16)]

    assert story(id_, *records) == story(PERSON, *records)


def test_an_event_of_the_same_millisecond_is_another_story() -> None:
    other = replace(PERSON_SEEN, event_id="another")
    alone = story(PERSON, lying(PERSON_SEEN, 1))

    assert story(PERSON, lying(PERSON_SEEN, 1), lying(other, 1)) == alone


def test_nothing_is_told_of_what_the_log_does_not_have() -> None:
    traces = Traces(identity.follows(PERSON, "no such outcome"))
    traces.add([lying(DESCRIBED, 16)])

    assert traces.trail() is None


def test_the_outcome_alone_tells_what_is_no_longer_kept_elsewhere() -> None:
    told = story(MOVEMENT, lying(UNDESCRIBED, 80))

    assert told == golden.OUTCOME_ALONE
