"""Events from upstream as records: the topic follows from the word, the key from the camera."""

from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from schemas.camera_events import CameraConnectionChanged, MotionDetected, SmartDetection
from schemas.cameras import CameraRegistered
from schemas.codec import EVENT_BYTES_MAX, Codec, Undecodable, encode
from schemas.event import tag
from schemas.headers import cloud_event_headers
from schemas.inferences import InferenceResult
from streams import identity
from streams.lanes import Encoded
from streams.topics import CAMERA_EVENTS, INFERENCE_RESULTS, REGISTRY

Upstream = (
    SmartDetection | MotionDetected | CameraConnectionChanged | InferenceResult | CameraRegistered
)

UPSTREAM: Final[Codec[Upstream]] = Codec(
    *CAMERA_EVENTS.words,
    *INFERENCE_RESULTS.words,
    *REGISTRY.words,
    bytes_max=EVENT_BYTES_MAX,
)
"""Every word that somebody outside may publish."""


W = TypeVar("W", bound=msgspec.Struct)


def accepted(codec: Codec[W], value: bytes) -> W:
    """The event, when every step will take it too. Raises Undecodable.

    Unknown fields are not looked at by the codec, but whoever reads the topic reads them too. And
    the steps write the event anew: nothing left out, numbers in full, up to four times its bytes.
    """
    event = codec.decode(value)
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise Undecodable("malformed", f"not UTF-8 at byte {error.start}") from error
    written = len(encode(event))
    if written > EVENT_BYTES_MAX:
        text = f"{written} bytes once all its fields are written out, at most {EVENT_BYTES_MAX}"
        raise Undecodable("too_large", f"{text} are taken: references, not media")
    return event


@dataclass(frozen=True)
class Address:
    """Where an event goes: its topic, the camera that is its key, and the id it has everywhere."""

    topic: str
    camera_id: UUID
    id: UUID


def address(event: Upstream) -> Address:
    """Keyed by the camera's own id, whoever speaks: one camera, one partition in every topic."""
    camera = identity.camera_id(event.source, event.camera_id)
    match event:
        case InferenceResult():
            return Address(INFERENCE_RESULTS.name, camera, identity.inference_id(event))
        case CameraRegistered():
            return Address(REGISTRY.name, camera, camera)
        case _:
            return Address(CAMERA_EVENTS.name, camera, identity.event_id(event))


def record(
    event: Upstream,
    *,
    value: bytes | None = None,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> Encoded:
    """The record to produce; `value` is the event's bytes as they came, when they are at hand."""
    where = address(event)
    headers = cloud_event_headers(
        id=where.id,
        type_=tag(type(event)),
        source=event.source,
        time=event.timestamp,
        correlation_id=correlation_id or str(where.id),
        traceparent=traceparent,
    )
    return Encoded(where.topic, str(where.camera_id).encode(), value or encode(event), headers)
