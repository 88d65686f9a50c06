"""What stands inside the jsonb columns: documents that queries return and nothing here reads."""

import msgspec

from schemas.camera_events import CameraEvent, Detection
from schemas.cameras import Policy, Zone
from schemas.fields import Metadata


class Items(msgspec.Struct):
    """`detections` of an answer or an inference."""

    items: tuple[Detection, ...]


class CameraMetadata(msgspec.Struct):
    """The camera as it was known when its event was analysed."""

    name: str
    site: str
    registered: bool


class EventMetadata(msgspec.Struct):
    """`event_metadata` of an outcome; `answer` holds what a provider added to its sentence."""

    event: CameraEvent
    camera: CameraMetadata
    answer: Metadata | None = None
    clip_failure: str | None = None
    detail: str | None = None


class InferenceMetadata(msgspec.Struct):
    """`event_metadata` of a recorded inference."""

    source: str
    camera_id: str
    result_id: str
    registered: bool
    metadata: Metadata


class Settings(msgspec.Struct):
    """`settings` of a device."""

    zones: tuple[Zone, ...]
    policy: Policy
