from datetime import UTC, datetime
from uuid import UUID

import msgspec

from agents.enrich import Enrich
from agents.record_inference import RecordInference
from schemas.camera_events import MotionDetected
from schemas.cameras import CameraRegistered
from schemas.clips import CameraEventEnriched
from schemas.inferences import InferenceResult
from schemas.outcomes import InferenceRecorded
from streams import identity
from streams.records import Outputs, Received
from streams.registry import Registry

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEEN = MotionDetected(event_id="1", source="protect", camera_id="gate", timestamp=NOON)
RESULT = InferenceResult(
    result_id="r", source="protect", camera_id="gate", timestamp=NOON, model_id="m"
)


def registry(*names: str) -> Registry:
    """One camera, whose newest state has the last name."""
    made = Registry()
    for version, name in enumerate(names):
        made.apply(
            CameraRegistered(camera_id="gate", source="protect", timestamp=NOON, name=name), version
        )
    return made


def enriched(
    event: MotionDetected, known: Registry, correlation_id: str | None = None
) -> CameraEventEnriched:
    (output,) = Enrich(known)(Received(event, correlation_id))
    assert isinstance(output.event, CameraEventEnriched)
    return output.event


def test_an_event_gains_its_camera() -> None:
    assert enriched(SEEN, registry("Gate")).camera.name == "Gate"


def test_the_registry_version_used_is_recorded() -> None:
    assert enriched(SEEN, registry("Old", "New")).camera.registry_version == 1


def test_an_older_registry_record_changes_nothing() -> None:
    known = registry("Old", "New")
    known.apply(CameraRegistered(camera_id="gate", source="protect", timestamp=NOON, name="X"), 0)

    assert enriched(SEEN, known).camera.name == "New"


def test_an_unknown_camera_goes_on_as_unregistered() -> None:
    camera = enriched(SEEN, Registry()).camera

    assert (camera.registered, camera.source, camera.source_id) == (False, "protect", "gate")


def test_the_same_native_id_of_two_systems_is_two_cameras() -> None:
    other = MotionDetected(event_id="1", source="frigate", camera_id="gate", timestamp=NOON)

    assert enriched(SEEN, Registry()).camera_id != enriched(other, Registry()).camera_id


def test_a_camera_that_is_named_by_uuid_keeps_it() -> None:
    name = "3f6c1b1e-2b51-4a86-9a2e-0d8a4d5f7c11"
    seen = MotionDetected(event_id="1", source="frigate", camera_id=name, timestamp=NOON)

    assert enriched(seen, Registry()).camera_id == UUID(name)


def test_a_second_publication_has_the_same_id() -> None:
    assert enriched(SEEN, Registry()).id == enriched(SEEN, registry("Gate")).id


def test_the_correlation_id_is_the_records_or_else_the_events_own() -> None:
    given = enriched(SEEN, Registry(), correlation_id="story").correlation_id
    made = enriched(SEEN, Registry()).correlation_id

    assert (given, made) == ("story", str(identity.event_id(SEEN)))


def test_an_inference_is_recorded_with_what_the_registry_knew() -> None:
    (output,) = RecordInference(registry("Gate"))(Received(RESULT))

    assert isinstance(output.event, InferenceRecorded)
    assert (output.event.registered, output.event.registry_version) == (True, 0)


def test_an_inference_of_an_unknown_camera_is_recorded_all_the_same() -> None:
    (output,) = RecordInference(Registry())(Received(RESULT))

    assert isinstance(output.event, InferenceRecorded)
    assert not output.event.registered


def test_times_are_as_exact_as_ids_so_that_one_id_has_one_row() -> None:
    exact = msgspec.structs.replace(RESULT, timestamp=NOON.replace(microsecond=123_100))
    again = msgspec.structs.replace(RESULT, timestamp=NOON.replace(microsecond=123_200))

    rows = {(o.event.id, o.event.timestamp) for r in (exact, again) for o in recorded(r)}

    assert len(rows) == 1


def recorded(result: InferenceResult) -> Outputs:
    return RecordInference(Registry())(Received(result))
