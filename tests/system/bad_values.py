"""What must never be an event: the bad input of the project's first issue, as bytes on a topic."""

import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import structs

from schemas.camera_events import SmartDetection
from schemas.codec import VALUE_BYTES_MAX, encode
from schemas.examples.upstream import MODEL_RESULT
from schemas.inferences import InferenceResult
from streams import identity
from tests.system.upstream import NOON, sighting

CAMERA_EVENTS: Final = "camera.events.v1"
INFERENCE_RESULTS: Final = "inference.results.v1"


@dataclass(frozen=True)
class BadValue:
    """Bytes, and the reason and field that its letter must name."""

    name: str
    value: bytes | None
    reason: str
    field: str = ""
    topic: str = CAMERA_EVENTS

    @property
    def camera(self) -> str:
        """Its own, shared with its neighbours only."""
        return f"camera-{self.name}"

    @property
    def in_media(self) -> bool:
        """Whether it is too large for a letter."""
        return len(self.value or b"") > VALUE_BYTES_MAX

    @property
    def corrected(self) -> bytes:
        """What the upstream meant to say."""
        return encode(self._meant)

    @property
    def event_id(self) -> UUID:
        """Of what it meant."""
        meant = self._meant
        if isinstance(meant, InferenceResult):
            return identity.inference_id(meant)
        return identity.event_id(meant)

    @property
    def outcome(self) -> str:
        """What becomes of what it meant."""
        return "recorded" if self.topic == INFERENCE_RESULTS else "undescribed"

    @property
    def _meant(self) -> InferenceResult | SmartDetection:
        if self.topic == INFERENCE_RESULTS:
            return structs.replace(MODEL_RESULT, camera_id=self.camera, timestamp=NOON)
        return sighting(self.camera, f"{self.name}-corrected")


def event(**changes: object) -> bytes:
    """A camera event with some fields changed."""
    good = json.loads(encode(sighting("anywhere", "bad")))
    return json.dumps(good | changes).encode()


def spliced(field: str, raw: bytes) -> bytes:
    """A camera event with a field that no JSON writer would write."""
    return event()[:-1] + b', "' + field.encode() + b'": ' + raw + b"}"


def result(field: str, raw: bytes) -> bytes:
    """Likewise an inference result."""
    return encode(MODEL_RESULT)[:-1] + b',"' + field.encode() + b'":' + raw + b"}"


BAD_VALUES: Final = (
    BadValue("truncated", event()[:-20], "malformed"),
    BadValue("wrong-type", event(labels="person"), "invalid", "labels"),
    BadValue(
        "wrong-type-within", event(detections=[{"label": 7}]), "invalid", "detections[0].label"
    ),
    BadValue("unknown-tag", event(type="doorbell-rang"), "unknown_type", "type"),
    BadValue("compressed-2-mb", event(metadata={"x": "x" * 2_000_000}), "too_large"),
    BadValue("grown", event(detections=[{"label": "a"}] * 15_000), "too_large"),
    BadValue(
        "nested-10000", spliced("metadata", b"[" * 10_000 + b"]" * 10_000), "invalid", "metadata"
    ),
    BadValue("nested-unknown", spliced("deep", b"[" * 10_000 + b"]" * 10_000), "too_deep"),
    BadValue("nul", spliced("metadata", b'{"a": "\\u0000"}'), "nul_character"),
    BadValue("nan", spliced("confidence", b"NaN"), "malformed"),
    BadValue("1e400", spliced("confidence", b"1e400"), "invalid", "confidence"),
    BadValue("naive-time", event(timestamp="2026-03-14T12:00:00"), "invalid", "timestamp"),
    BadValue("impossible-time", event(timestamp="2026-02-30T12:00:00Z"), "invalid", "timestamp"),
    BadValue("year-0", event(timestamp="0000-01-01T00:00:00Z"), "invalid", "timestamp"),
    BadValue("year-9999", event(timestamp="9999-12-31T23:59:59Z"), "invalid", "timestamp"),
    BadValue("second-61", event(timestamp="2026-03-14T12:00:61Z"), "invalid", "timestamp"),
    BadValue("lone-surrogate", spliced("metadata", b'{"a": "\\ud800"}'), "malformed"),
    BadValue("not-utf-8", spliced("metadata", b'{"a": "\xff\xfe"}'), "malformed"),
    BadValue("empty-value", b"", "empty"),
    BadValue("null-value", None, "empty"),
    BadValue(
        "frame-id-2-31", result("frame_id", b"2147483648"), "invalid", "frame_id", INFERENCE_RESULTS
    ),
    BadValue("result-nan", result("confidence", b"NaN"), "malformed", "", INFERENCE_RESULTS),
    BadValue(
        "result-1e400", result("confidence", b"1e400"), "invalid", "confidence", INFERENCE_RESULTS
    ),
    BadValue("result-null", None, "empty", "", INFERENCE_RESULTS),
)
