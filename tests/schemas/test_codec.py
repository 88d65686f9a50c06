"""The door: whatever the bytes are, they become one of the words asked for or one `Undecodable`."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.attempts import ProviderAttempted
from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    Detection,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import CameraRegistered
from schemas.codec import EVENT_BYTES_MAX, Codec, Undecodable, encode
from schemas.examples.stories import ATTEMPT, EXAMPLES
from schemas.examples.upstream import MODEL_RESULT, PERSON_SEEN, REGISTRATION
from schemas.inferences import InferenceResult
from streams.topics import AI_EVENTS, CAMERA_EVENTS, INFERENCE_RESULTS, TOPICS
from tests.schemas.poison import POISON, changed, event, spliced

EVENTS: Codec[CameraEvent] = CAMERA_EVENTS.codec
RESULTS: Codec[InferenceResult] = INFERENCE_RESULTS.codec
REGISTRATIONS: Codec[CameraRegistered] = Codec(CameraRegistered)
ATTEMPTS: Codec[ProviderAttempted] = Codec(ProviderAttempted)


def refusal(value: bytes | None, codec: Codec[CameraEvent] = EVENTS) -> tuple[str, str]:
    with pytest.raises(Undecodable) as found:
        codec.decode(value)
    assert found.value.detail
    assert len(found.value.detail) <= 1000
    return found.value.reason, found.value.field


@pytest.mark.parametrize("name", POISON)
def test_poison_is_refused_with_its_reason_and_its_field(name: str) -> None:
    value, reason, field = POISON[name]

    assert refusal(value) == (reason, field)


@pytest.mark.parametrize("frame_id", [2**31, 2**63, -1, 1.5, "1", True])
def test_a_frame_id_that_postgresql_could_not_hold_is_refused(frame_id: object) -> None:
    with pytest.raises(Undecodable) as found:
        RESULTS.decode(changed(MODEL_RESULT, frame_id=frame_id))

    assert (found.value.reason, found.value.field) == ("invalid", "frame_id")


def test_the_largest_frame_id_is_taken() -> None:
    assert RESULTS.decode(changed(MODEL_RESULT, frame_id=2**31 - 1)).frame_id == 2**31 - 1


def test_a_word_alone_on_its_topic_must_still_say_its_type() -> None:
    value = json.loads(encode(MODEL_RESULT))
    del value["type"]

    with pytest.raises(Undecodable) as found:
        RESULTS.decode(json.dumps(value).encode())

    assert (found.value.reason, found.value.field) == ("invalid", "type")


@pytest.mark.parametrize("time", ["7:00", "24:00", "07:60", "07:00\n", "0\u0667:00"])
def test_an_hour_of_a_policy_is_four_ascii_digits(time: str) -> None:
    value = changed(REGISTRATION, policy={"hours": {"start": time, "end": "20:00"}})

    with pytest.raises(Undecodable) as found:
        REGISTRATIONS.decode(value)

    assert found.value.field == "policy.hours.start"


@pytest.mark.parametrize("cost", ["1e3", "-1", "1.", ".5", "NaN", "1\n", "\u0661"])
def test_a_cost_is_plain_decimal_text(cost: str) -> None:
    with pytest.raises(Undecodable) as found:
        ATTEMPTS.decode(changed(ATTEMPT, cost_usd=cost))

    assert found.value.field == "cost_usd"


def test_an_escaped_backslash_before_u0000_is_not_a_nul() -> None:
    text = r"C:\clips\u0000"

    assert EVENTS.decode(event(metadata={"path": text})).metadata == {"path": text}


def test_fields_of_later_versions_are_ignored() -> None:
    value = spliced(b'"site": {"floors": [1, 2]}, "heat": 1e400')

    assert EVENTS.decode(value) == PERSON_SEEN


def test_a_surrogate_pair_is_one_character() -> None:
    found = EVENTS.decode(spliced(rb'"labels": ["\ud83d\ude97"]'))

    assert isinstance(found, SmartDetection)
    assert found.labels == ("🚗",)


def test_a_time_keeps_its_instant_whatever_its_offset() -> None:
    found = EVENTS.decode(event(timestamp="2026-03-14T13:11:05.25+05:30"))

    assert found.timestamp == PERSON_SEEN.timestamp


def test_the_first_and_the_last_moment_of_the_century_are_taken() -> None:
    for moment in ("2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z"):
        EVENTS.decode(event(timestamp=moment, ended_at=None))


def test_a_value_of_just_512_kb_is_taken() -> None:
    value = event().ljust(EVENT_BYTES_MAX)

    assert EVENTS.decode(value) == PERSON_SEEN


@given(st.binary(max_size=300))
@example(b"\xff")
@example(b"\x00")
def test_any_bytes_are_a_word_or_undecodable(value: bytes) -> None:
    for topic in TOPICS:
        decoded_or_refused(topic.codec, value)


@given(
    st.sampled_from([encode(word) for word in EXAMPLES.values()]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=6)), max_size=4),
)
def test_any_mutation_of_an_event_is_a_word_or_undecodable(
    value: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    for where, drop, insert in edits:
        at = int(where * len(value))
        value = value[:at] + insert + value[at + drop :]

    for topic in TOPICS:
        decoded_or_refused(topic.codec, value)


def decoded_or_refused(codec: Codec[msgspec.Struct], value: bytes) -> None:
    """What is decoded must also survive its own encoding: rows and later words are made of it."""
    try:
        word = codec.decode(value)
    except Undecodable:
        return
    assert codec.decode(encode(word)) == word


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
IDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=128
)
SHARES = st.floats(0, 1)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
LEAVES = SCALARS | st.lists(SCALARS, max_size=3)
BRANCHES = (
    SCALARS
    | st.lists(SCALARS | st.dictionaries(TEXT, LEAVES, max_size=2), max_size=3)
    | st.dictionaries(TEXT, LEAVES, max_size=3)
)
COMMON = {
    "event_id": IDS,
    "source": st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z"),
    "camera_id": IDS,
    "timestamp": st.datetimes(
        datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
        datetime(2099, 12, 31),  # noqa: DTZ001  # the point of it
        timezones=st.just(UTC),
    ),
    "metadata": st.dictionaries(TEXT, BRANCHES, max_size=4),
}
SIGHTED = {
    "labels": st.lists(IDS.map(lambda text: text[:64]), max_size=4).map(tuple),
    "confidence": st.none() | SHARES,
    "detections": st.lists(
        st.builds(
            Detection,
            label=IDS.map(lambda text: text[:64]),
            box=st.none() | st.tuples(SHARES, SHARES).map(lambda p: (0.0, 0.0, *p)),
        ),
        max_size=3,
    ).map(tuple),
}
CAMERA_EVENT = (
    st.builds(SmartDetection, **COMMON, **SIGHTED)
    | st.builds(MotionDetected, **COMMON, **SIGHTED)
    | st.builds(CameraConnectionChanged, **COMMON, state=st.sampled_from(["online", "offline"]))
)


@given(CAMERA_EVENT)
def test_encoding_and_decoding_changes_nothing(word: CameraEvent) -> None:
    assert EVENTS.decode(encode(word)) == word


def test_every_word_of_the_log_is_decoded_as_itself() -> None:
    for name in ("described", "undescribed", "skipped"):
        assert AI_EVENTS.codec.decode(encode(EXAMPLES[name])) == EXAMPLES[name]
