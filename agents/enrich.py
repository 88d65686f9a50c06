"""A camera event gains its camera: name, site, zones and policy."""

from dataclasses import dataclass

from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import CameraEventEnriched
from streams import identity
from streams.ports import Cameras
from streams.records import Output, Outputs, Received
from streams.topics import ENRICHED


@dataclass(frozen=True)
class Enrich:
    """Pure: asks the registry's fold; a camera that it doesn't know goes on as unregistered."""

    cameras: Cameras

    def __call__(self, received: Received[CameraEvent]) -> Outputs:
        """One enriched event, whoever the camera is."""
        event = received.event
        event_id = identity.event_id(event)
        camera_id = identity.camera_id(event.source, event.camera_id)
        camera = self.cameras.find(camera_id) or Camera(
            id=camera_id, source=event.source, source_id=event.camera_id, name=event.camera_id
        )
        enriched = CameraEventEnriched(
            id=event_id,
            camera_id=camera_id,
            timestamp=identity.instant(event.timestamp),
            correlation_id=received.correlation_id or identity.text(event_id),
            event=event,
            camera=camera,
        )
        return (Output(ENRICHED, enriched, received.traceparent),)
