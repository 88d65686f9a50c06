"""Bytes that are no event, each with the reason and the field that its refusal must name."""

import json

import msgspec

from schemas.codec import VALUE_BYTES_MAX, encode
from schemas.examples.upstream import MODEL_RESULT, PERSON_SEEN


def event(**changes: object) -> bytes:
    return changed(PERSON_SEEN, **changes)


def changed(word: msgspec.Struct, **changes: object) -> bytes:
    return json.dumps({**json.loads(encode(word)), **changes}).encode()


def spliced(raw: bytes) -> bytes:
    """A valid event that ends in raw bytes a JSON writer would not write."""
    return event()[:-1] + b", " + raw + b"}"


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
    "an unknown tag": (event(type="doorbell-rang"), "unknown_type", "type"),
    "a tag of another topic": (encode(MODEL_RESULT), "unknown_type", "type"),
    "a tag that is no text": (event(type=1), "invalid", "type"),
    "an empty tag": (event(type=""), "invalid", "type_of_a_word"),
    "a second tag": (spliced(b'"type": "motion-detected"'), "unknown_type", "type"),
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
