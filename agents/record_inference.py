"""An inference result becomes part of the log, with the camera it belongs to."""

from dataclasses import dataclass

from schemas.inferences import InferenceResult
from schemas.outcomes import InferenceRecorded
from streams import identity
from streams.ports import Cameras
from streams.records import Output, Outputs, Received
from streams.topics import AI_INFERENCES


@dataclass(frozen=True)
class RecordInference:
    """Pure: an unknown camera goes on as unregistered."""

    cameras: Cameras

    def __call__(self, received: Received[InferenceResult]) -> Outputs:
        """One recorded inference; a repeat of the result has the same id."""
        result = received.event
        result_id = identity.inference_id(result)
        camera_id = identity.camera_id(result.source, result.camera_id)
        camera = self.cameras.find(camera_id)
        recorded = InferenceRecorded(
            id=result_id,
            camera_id=camera_id,
            timestamp=identity.instant(result.timestamp),
            correlation_id=received.correlation_id or identity.text(result_id),
            event_id=result_id,
            result=result,
            registered=camera is not None,
            registry_version=camera.registry_version if camera else None,
        )
        return (Output(AI_INFERENCES, recorded, received.traceparent),)
