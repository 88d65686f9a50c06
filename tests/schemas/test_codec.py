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
from schemas.codec import VALUE_BYTES_MAX, Codec, Undecodable, encode
from schemas.examples import ATTEMPT, EXAMPLES, MODEL_RESULT, PERSON_SEEN, REGISTRATION
from schemas.inferences import InferenceResult
from streams.topics import AI_EVENTS, CAMERA_EVENTS, INFERENCE_RESULTS, TOPICS

Json = dict[str, object]

EVENTS: Codec[CameraEvent] = CAMERA_EVENTS.codec
RESULTS: Codec[InferenceResult] = INFERENCE_RESULTS.codec
REGISTRATIONS: Codec[CameraRegistered] = Codec(CameraRegistered)
ATTEMPTS: Codec[ProviderAttempted] = Codec(ProviderAttempted)


def event(**changes: object) -> bytes:
    return changed(PERSON_SEEN, **changes)


def changed(word: msgspec.Struct, **changes: object) -> bytes:
    return json.dumps({**json.loads(encode(word)), **changes}).encode()


def spliced(raw: bytes) -> bytes:
    """A valid event that ends in raw bytes a JSON writer would not write."""
    return event()[:-1] + b", " + raw + b"}"


def refusal(value: bytes | None, codec: Codec[CameraEvent] = EVENTS) -> tuple[str, str]:
    with pytest.raises(Undecodable) as found:
        codec.decode(value)
    assert found.value.detail
    assert len(found.value.detail) <= 1000
    return found.value.reason, found.value.field


def nested(depth: int, opens: bytes, closes: bytes) -> bytes:
    return opens * depth + b"1" + closes * depth


POISON: dict[str, tuple[bytes | None, str, str]] = {
    "no value": (None, "empty", ""),
    "empty value": (b"", "empty", ""),
    "only spaces": (b" \n", "malformed", ""),
    "truncated": (event()[:-7], "malformed", ""),
    "two events in one": (event() + event(), "malformed", ""),
    "a byte order mark": (b"\xef\xbb\xbf" + event(), "malformed", ""),
    "utf-16": (event().decode().encode("utf-16"), "malformed", ""),
    "no object": (b"[1]", "invalid", ""),
    "null": (b"null", "invalid", ""),
    "a text for a list": (event(labels="person"), "invalid", "labels"),
    "a number for a text": (event(event_id=7), "invalid", "event_id"),
    "a null for a text": (event(camera_id=None), "invalid", "camera_id"),
    "an object for a text, deep": (
        event(detections=[{"label": {}}]),
        "invalid",
        "detections[0].label",
    ),
    "an unknown tag": (event(type="doorbell-rang"), "invalid", "type"),
    "a tag of another topic": (encode(MODEL_RESULT), "invalid", "type"),
    "a tag that is no text": (event(type=1), "invalid", "type"),
    "an empty tag": (event(type=""), "invalid", "type_of_a_word"),
    "a second tag": (spliced(b'"type": "motion-detected"'), "invalid", "type"),
    "no tag": (b'{"event_id": "1"}', "invalid", "type"),
    "a field missing": (b'{"type": "motion-detected", "event_id": "1"}', "invalid", "source"),
    "a field missing, deep": (event(detections=[{}]), "invalid", "detections[0].label"),
    "over 512 KB": (event(metadata={"a": "x" * VALUE_BYTES_MAX}), "too_large", ""),
    "over 512 KB of spaces": (b" " * VALUE_BYTES_MAX + event(), "too_large", ""),
    "2 MB": (b"x" * 2_000_000, "too_large", ""),
    "nested lists": (nested(10_000, b"[", b"]"), "invalid", ""),
    "nested lists in an unknown field": (
        spliced(b'"extra": ' + nested(10_000, b"[", b"]")),
        "too_deep",
        "",
    ),
    "nested objects in an unknown field": (
        spliced(b'"extra": ' + nested(10_000, b'{"a":', b"}")),
        "too_deep",
        "",
    ),
    "nested and never closed": (spliced(b'"extra": ' + b"[" * 100_000), "too_deep", ""),
    "nested lists in metadata": (
        spliced(b'"metadata": {"a": ' + nested(10_000, b"[", b"]") + b"}"),
        "invalid",
        "metadata[...][0]",
    ),
    "nested objects in metadata": (
        spliced(b'"metadata": ' + nested(10_000, b'{"a":', b"}")),
        "invalid",
        "metadata[...][...]",
    ),
    "an escaped nul": (event(event_id="a\0b"), "nul_character", ""),
    "an escaped nul behind an escaped backslash": (
        spliced(rb'"clip_url": "a\\\u0000"'),
        "nul_character",
        "",
    ),
    "an escaped nul in an unknown field": (event(extra="\0"), "nul_character", ""),
    "an escaped nul in a name": (event(metadata={"\0": 1}), "nul_character", ""),
    "a raw nul": (spliced(b'"clip_url": "a\x00b"'), "malformed", ""),
    "NaN": (spliced(b'"confidence": NaN'), "malformed", ""),
    "Infinity": (spliced(b'"confidence": -Infinity'), "malformed", ""),
    "1e400": (spliced(b'"confidence": 1e400'), "invalid", "confidence"),
    "1e400 in metadata": (spliced(b'"metadata": {"a": 1e400}'), "invalid", "metadata[...]"),
    "a whole number beyond 64 bits": (event(metadata={"a": 2**63}), "invalid", "metadata[...]"),
    "a confidence above 1": (event(confidence=1.01), "invalid", "confidence"),
    "a confidence below 0": (event(confidence=-0.01), "invalid", "confidence"),
    "a naive time": (event(timestamp="2026-03-14T07:41:05"), "invalid", "timestamp"),
    "a leap second": (event(timestamp="2026-03-14T07:41:60Z"), "invalid", "timestamp"),
    "the 30th of February": (event(timestamp="2026-02-30T00:00:00Z"), "invalid", "timestamp"),
    "the year 0": (event(timestamp="0000-01-01T00:00:00Z"), "invalid", "timestamp"),
    "before the year 1": (event(timestamp="0001-01-01T00:00:00+23:00"), "invalid", "timestamp"),
    "after the year 9999": (event(timestamp="9999-12-31T23:59:59-23:00"), "invalid", "timestamp"),
    "1999": (event(timestamp="1999-12-31T23:59:59Z"), "invalid", "timestamp"),
    "2100": (event(timestamp="2100-01-01T00:00:00Z"), "invalid", "timestamp"),
    "2100 by rounding": (event(timestamp="2099-12-31T23:59:59.9999999Z"), "invalid", "timestamp"),
    "a time as a number": (event(timestamp=1_773_474_065), "invalid", "timestamp"),
    "an end before the begin": (event(ended_at="2026-03-14T07:41:04Z"), "invalid", "ended_at"),
    "an end in 2100": (event(ended_at="2100-01-01T00:00:00Z"), "invalid", "ended_at"),
    "a lone surrogate": (spliced(rb'"clip_url": "\ud800"'), "malformed", ""),
    "a lone low surrogate": (spliced(rb'"clip_url": "\udc00 "'), "malformed", ""),
    "a raw surrogate": (spliced(b'"clip_url": "\xed\xa0\x80"'), "malformed", ""),
    "bad utf-8": (spliced(b'"clip_url": "\xff"'), "malformed", ""),
    "an id of 129 characters": (event(event_id="x" * 129), "invalid", "event_id"),
    "an empty id": (event(camera_id=""), "invalid", "camera_id"),
    "33 labels": (event(labels=["a"] * 33), "invalid", "labels"),
    "65 keys of metadata": (
        event(metadata={str(n): n for n in range(65)}),
        "invalid",
        "metadata",
    ),
    "a source that ends in a line break": (event(source="protect\n"), "invalid", "source"),
    "a source in capitals": (event(source="Protect"), "invalid", "source"),
    "a box from right to left": (
        event(detections=[{"label": "a", "box": [0.5, 0, 0.1, 1]}]),
        "invalid",
        "detections[0].box",
    ),
    "a box of three numbers": (
        event(detections=[{"label": "a", "box": [0, 0, 1]}]),
        "invalid",
        "detections[0].box",
    ),
}


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
    value = event().ljust(VALUE_BYTES_MAX)

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
        datetime(2099, 12, 31),  # noqa: DTZ001
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
