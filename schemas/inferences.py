"""What models at the edge or in the cloud report: `inference.results.v1`."""

from typing import Annotated

from msgspec import Meta

from schemas.camera_events import Detection
from schemas.event import Event, check_time
from schemas.fields import FrameId, Metadata, ModelId, NativeId, Share, Source, Timestamp

Detections = Annotated[tuple[Detection, ...], Meta(max_length=1024)]


class InferenceResult(Event, frozen=True, kw_only=True, tag="inference-result"):
    """A model looked at one frame of a camera; `result_id` names it for ever within `source`."""

    result_id: NativeId
    source: Source
    camera_id: NativeId
    timestamp: Timestamp
    model_id: ModelId
    frame_id: FrameId | None = None
    detections: Detections = ()
    confidence: Share | None = None
    metadata: Metadata = {}

    def __post_init__(self) -> None:
        check_time("timestamp", self.timestamp)
