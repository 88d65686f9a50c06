"""What cameras and the systems around them report: `camera.events.v1`."""

from typing import Literal

from schemas.event import Event, Fact, check_time
from schemas.fields import (
    Box,
    Detail,
    Label,
    Labels,
    Metadata,
    NativeId,
    Share,
    Source,
    Timestamp,
    Url,
    Zones,
)


class Detection(Fact, frozen=True, kw_only=True):
    """One labelled find in a picture; `box` is x1, y1, x2, y2 as shares of width and height."""

    label: Label
    confidence: Share | None = None
    box: Box | None = None

    def __post_init__(self) -> None:
        if self.box and (self.box[0] > self.box[2] or self.box[1] > self.box[3]):
            text = f"box must be x1, y1, x2, y2 with x1 <= x2 and y1 <= y2; got {self.box}"
            raise ValueError(text)


class Sighting(Event, frozen=True, kw_only=True):
    """A camera, or the system behind it, reports that something is going on.

    `event_id` is the upstream's own id; together with `source`, `camera_id` and `timestamp` it
    names the event for ever: publishing it again, even much later, changes nothing.
    """

    event_id: NativeId
    source: Source
    camera_id: NativeId
    timestamp: Timestamp
    ended_at: Timestamp | None = None
    labels: Labels = ()
    zones: Zones = ()
    detections: tuple[Detection, ...] = ()
    confidence: Share | None = None
    clip_url: Url | None = None
    snapshot_url: Url | None = None
    metadata: Metadata = {}

    def __post_init__(self) -> None:
        check_time("timestamp", self.timestamp)
        check_time("ended_at", self.ended_at)
        if self.ended_at is not None and self.ended_at < self.timestamp:
            text = f"ended_at must not precede timestamp; got {self.ended_at.isoformat()}"
            raise ValueError(text)


class SmartDetection(Sighting, frozen=True, kw_only=True, tag="smart-detection"):
    """The camera recognised something and says what: `labels` such as person or vehicle."""


class MotionDetected(Sighting, frozen=True, kw_only=True, tag="motion-detected"):
    """The camera saw movement and can't say of what."""


class CameraConnectionChanged(Event, frozen=True, kw_only=True, tag="camera-connection-changed"):
    """A camera came online or went offline."""

    event_id: NativeId
    source: Source
    camera_id: NativeId
    timestamp: Timestamp
    state: Literal["online", "offline"]
    detail: Detail = ""
    metadata: Metadata = {}

    def __post_init__(self) -> None:
        check_time("timestamp", self.timestamp)


CameraEvent = SmartDetection | MotionDetected | CameraConnectionChanged
