"""The same fact has the same id everywhere and for ever, and ids sort by the time of the event."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.examples.stories import DESCRIBED, PERSON_ENRICHED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import (
    BACK_YARD,
    FRONT_GATE,
    MODEL_RESULT,
    MOVEMENT_SEEN,
    PERSON_SEEN,
    WENT_OFFLINE,
)
from streams.identity import (
    camera_id,
    dead_letter_id,
    event_id,
    follows,
    inference_id,
    outcome_id,
    text,
    time_ordered,
)

MOMENTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    datetime(2099, 12, 31, 23, 59, 59),  # noqa: DTZ001  # Hypothesis adds the zone
    timezones=st.just(UTC),
)
NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=4)


def is_version_8(found: UUID) -> bool:
    return found.version == 8 and found.variant == "specified in RFC 4122"


@given(st.uuids())
def test_its_text_is_that_of_any_uuid(found: UUID) -> None:
    assert text(found) == str(found)


def test_ids_of_the_examples_are_those_of_their_events() -> None:
    assert PERSON_ENRICHED.id == event_id(PERSON_SEEN)
    assert DESCRIBED.event_id == event_id(PERSON_SEEN)
    assert UNDESCRIBED.event_id == event_id(MOVEMENT_SEEN)
    assert SKIPPED.event_id == event_id(WENT_OFFLINE)
    for outcome in (DESCRIBED, UNDESCRIBED, SKIPPED):
        assert outcome.id == outcome_id(outcome.event_id)
    assert RECORDED.id == RECORDED.event_id == inference_id(MODEL_RESULT)


def test_cameras_of_the_examples_are_those_of_their_native_ids() -> None:
    for camera in (FRONT_GATE, BACK_YARD):
        assert camera.id == camera_id(camera.source, camera.source_id)
    for outcome in (DESCRIBED, UNDESCRIBED, SKIPPED):
        assert outcome.camera_id == camera_id(outcome.event.source, outcome.event.camera_id)
    assert RECORDED.camera_id == camera_id(MODEL_RESULT.source, MODEL_RESULT.camera_id)


@given(MOMENTS, NAMES)
def test_an_id_holds_the_milliseconds_of_its_event(moment: datetime, names: list[str]) -> None:
    found = time_ordered(moment, *names)
    held = datetime.fromtimestamp((found.int >> 80) / 1000, UTC)

    assert is_version_8(found)
    assert abs(held - moment) <= timedelta(microseconds=999)


@given(MOMENTS, MOMENTS)
def test_ids_sort_by_the_time_of_the_event(first: datetime, second: datetime) -> None:
    early, late = sorted((first, second))

    if late - early >= timedelta(milliseconds=1):
        assert time_ordered(early, "b") < time_ordered(late, "a")


@given(MOMENTS, NAMES, NAMES)
def test_different_names_have_different_ids(
    moment: datetime, names: list[str], others: list[str]
) -> None:
    joined, others_joined = "\0".join(names), "\0".join(others)

    same = time_ordered(moment, *names) == time_ordered(moment, *others)

    assert same == (joined == others_joined)


def test_a_second_publication_has_the_same_id_whatever_else_it_says() -> None:
    again = replace(PERSON_SEEN, labels=("person", "dog"), confidence=0.2)

    assert event_id(again) == event_id(PERSON_SEEN)


def test_the_offset_a_time_is_written_in_makes_no_difference() -> None:
    elsewhere = PERSON_SEEN.timestamp.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert event_id(replace(PERSON_SEEN, timestamp=elsewhere)) == event_id(PERSON_SEEN)


def test_whatever_names_an_event_makes_it_another_one() -> None:
    others = (
        replace(PERSON_SEEN, event_id="another"),
        replace(PERSON_SEEN, source="frigate"),
        replace(PERSON_SEEN, camera_id="another"),
        replace(PERSON_SEEN, timestamp=PERSON_SEEN.timestamp - timedelta(milliseconds=1)),
    )

    assert len({event_id(PERSON_SEEN), *map(event_id, others)}) == 5


def test_whatever_names_a_result_makes_it_another_one() -> None:
    others = (
        replace(MODEL_RESULT, result_id="another"),
        replace(MODEL_RESULT, source="cloud"),
        replace(MODEL_RESULT, camera_id="another"),
        replace(MODEL_RESULT, model_id="another"),
    )

    assert len({inference_id(MODEL_RESULT), *map(inference_id, others)}) == 5


def test_what_follows_keeps_the_time_and_is_its_own() -> None:
    cause = event_id(PERSON_SEEN)
    found = [follows(cause), follows(cause, "a"), follows(cause, "b"), outcome_id(cause)]

    assert len({cause, *found}) == 5
    assert all(is_version_8(each) and each.int >> 80 == cause.int >> 80 for each in found)


def test_a_camera_keeps_the_uuid_it_has() -> None:
    own = UUID("6f1c2b9e-8d1a-4b57-9a35-1f0a6f0e7c11")

    assert camera_id("protect", str(own)) == own
    assert camera_id("protect", str(own).upper()) == own


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_native_id_that_is_no_uuid_belongs_to_its_source(native: str) -> None:
    found = camera_id("protect", native)

    assert is_version_8(found)
    assert found != camera_id("frigate", native)


def test_an_event_of_a_camera_whose_uuid_is_in_capitals_is_the_same_event() -> None:
    own = "6f1c2b9e-8d1a-4b57-9a35-1f0a6f0e7c11"
    event, result = replace(PERSON_SEEN, camera_id=own), replace(MODEL_RESULT, camera_id=own)

    assert event_id(replace(event, camera_id=own.upper())) == event_id(event)
    assert inference_id(replace(result, camera_id=own.upper())) == inference_id(result)
    assert event_id(replace(event, camera_id="Gate")) != event_id(replace(event, camera_id="gate"))


def test_text_that_only_resembles_a_uuid_is_a_native_id() -> None:
    bare = "6f1c2b9e8d1a4b579a351f0a6f0e7c11"

    assert camera_id("protect", bare) != UUID(bare)
    assert camera_id("protect", f"{UUID(bare)}\n") != UUID(bare)


def test_a_dead_letter_is_known_by_step_place_and_time() -> None:
    places = [
        ("enrich", "t", 0, 1, 7),
        ("enrich", "t", 1, 0, 7),
        ("project", "t", 0, 1, 7),
        ("enrich", "t", 0, 1, 8),
    ]
    found = {dead_letter_id(*place) for place in places}

    assert len(found) == 4
    assert found == {dead_letter_id(*place) for place in places}
    assert all(map(is_version_8, found))
