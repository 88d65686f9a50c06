"""What upstream systems write, one example of each word, and the two cameras of the stories."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from schemas.camera_events import (
    CameraConnectionChanged,
    Detection,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import Camera, CameraRegistered, Hours, Policy, Zone
from schemas.inferences import InferenceResult

_GATE: Final = "65a8f0c2e4b0a1d2c3e4f506"
_GATE_UUID: Final = "1a8d6d73-6292-8255-996f-0a6512bc6ab9"
MORNING: Final = datetime(2026, 3, 14, 7, 41, 5, 250_000, UTC)
CLIP_URL: Final = "https://nvr.example/clips/6670a1f3b2c4d5e6f7081920.mp4"

PERSON_SEEN: Final = SmartDetection(
    event_id="6670a1f3b2c4d5e6f7081920",
    source="protect",
    camera_id=_GATE,
    timestamp=MORNING,
    ended_at=MORNING + timedelta(seconds=11),
    labels=("person",),
    zones=("gate",),
    detections=(Detection(label="person", confidence=0.94, box=(0.41, 0.22, 0.55, 0.81)),),
    confidence=0.94,
    clip_url=CLIP_URL,
    snapshot_url="https://nvr.example/snapshots/6670a1f3b2c4d5e6f7081920.jpg",
    metadata={"firmware": "5.0.83", "score": 94, "night": False},
)
MOVEMENT_SEEN: Final = MotionDetected(
    event_id="1773474130.527-k3v9qz",
    source="frigate",
    camera_id="back_yard",
    timestamp=datetime(2026, 3, 14, 7, 42, 10, 527_000, UTC),
    clip_url="https://frigate.example/api/events/1773474130.527-k3v9qz/clip.mp4",
    metadata={"area": 1840},
)
WENT_OFFLINE: Final = CameraConnectionChanged(
    event_id="6670a1f3b2c4d5e6f7081947",
    source="protect",
    camera_id=_GATE,
    timestamp=datetime(2026, 3, 14, 7, 45, tzinfo=UTC),
    state="offline",
)
MODEL_RESULT: Final = InferenceResult(
    result_id="edge-7-000184213",
    source="edge-7",
    camera_id=_GATE_UUID,  # native ids belong to their source: another one names the camera by UUID
    timestamp=datetime(2026, 3, 14, 7, 41, 5, 400_000, UTC),
    model_id="yolo11n-640",
    frame_id=184_213,
    detections=(
        Detection(label="person", confidence=0.91, box=(0.42, 0.21, 0.55, 0.8)),
        Detection(label="backpack", confidence=0.57, box=(0.44, 0.31, 0.5, 0.52)),
    ),
    confidence=0.91,
    metadata={"inference_ms": 8.4, "device": "jetson-orin"},
)

_ZONES: Final = (
    Zone(name="gate", polygon=((0.3, 0.2), (0.7, 0.2), (0.7, 1.0), (0.3, 1.0))),
    Zone(name="pavement", polygon=((0.0, 0.8), (1.0, 0.8), (1.0, 1.0))),
)
_POLICY: Final = Policy(
    labels=("person", "vehicle"), hours=Hours(start="00:00", end="00:00", timezone="Europe/Berlin")
)
REGISTRATION: Final = CameraRegistered(
    camera_id=_GATE,
    source="protect",
    timestamp=datetime(2026, 3, 1, 9, tzinfo=UTC),
    name="Front gate",
    site="Harbour road",
    zones=_ZONES,
    policy=_POLICY,
)
FRONT_GATE: Final = Camera(
    id=UUID(_GATE_UUID),
    source="protect",
    source_id=_GATE,
    name="Front gate",
    site="Harbour road",
    zones=_ZONES,
    policy=_POLICY,
    registered=True,
    registry_version=12,
)
BACK_YARD: Final = Camera(
    id=UUID("727414db-1fce-881c-937f-2bc08301d3d0"),
    source="frigate",
    source_id="back_yard",
    name="back_yard",
)

PUBLISHABLE: Final = (PERSON_SEEN, MOVEMENT_SEEN, WENT_OFFLINE, MODEL_RESULT, REGISTRATION)
"""Words that upstream systems write; Vidette writes the others."""
