"""One canonical example of each word: published, printed by `./vidette example`, used by tests.

They tell three stories of one morning: a person at the front gate whose clip came (described), a
movement in a yard nobody registered whose clip did not (undescribed), and a camera that went
offline (skipped). Ids are what `streams.identity` makes of these events; a test compares.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from schemas.attempts import Answer, AttemptBegun, ProviderAttempted, Reserved, Usage
from schemas.camera_events import (
    CameraEvent,
)
from schemas.cameras import Camera
from schemas.clips import (
    CameraEventEnriched,
    Clip,
    ClipNotWanted,
    ClipReady,
    ClipUnavailable,
    Frame,
    Motion,
    Point,
    Track,
)
from schemas.event import tag
from schemas.examples.operation import OPERATION
from schemas.examples.upstream import (
    BACK_YARD,
    CLIP_URL,
    FRONT_GATE,
    MODEL_RESULT,
    MORNING,
    MOVEMENT_SEEN,
    PERSON_SEEN,
    PUBLISHABLE,
    WENT_OFFLINE,
)
from schemas.outcomes import Degraded, Described, Earlier, InferenceRecorded, Skipped, Undescribed
from schemas.requests import AnalysisRequested

_PERSON_ID: Final = UUID("019ceb4a-ab62-8034-a8d6-685979c8013e")
_MOVEMENT_ID: Final = UUID("019ceb4b-aa5f-86ef-a08b-11a3d6ecdf49")
_OFFLINE_ID: Final = UUID("019ceb4e-4060-8b68-a13f-830553415c86")
_RESULT_ID: Final = UUID("019ceb4a-abf8-8c58-b4d0-a510611d0871")
_ATTEMPT_ID: Final = UUID("019ceb4a-ab62-815e-96a2-232908ecf24d")


def _enriched(id_: UUID, event: CameraEvent, camera: Camera) -> CameraEventEnriched:
    return CameraEventEnriched(
        id=id_,
        camera_id=camera.id,
        timestamp=event.timestamp,
        correlation_id=str(id_),
        event=event,
        camera=camera,
    )


PERSON_ENRICHED: Final = _enriched(_PERSON_ID, PERSON_SEEN, FRONT_GATE)
_MOVEMENT_ENRICHED: Final = _enriched(_MOVEMENT_ID, MOVEMENT_SEEN, BACK_YARD)
_OFFLINE_ENRICHED: Final = _enriched(_OFFLINE_ID, WENT_OFFLINE, FRONT_GATE)


def _frame(sha256: str, at_s: float, size_bytes: int) -> Frame:
    return Frame(sha256=sha256, at_s=at_s, width=1280, height=720, size_bytes=size_bytes)


_FRAMES: Final = (
    _frame("56f5a971b3594642a6a1c07ed7b8a1467240b578ecdbc8bf8f9189e7a1b219bf", 2.4, 184_220),
    _frame("6ad5018336b83bb247f98cbb2e13cec929abfcbff92d1b3816a319a22fb112b7", 6.8, 180_941),
)
_CLIP: Final = Clip(
    sha256="67905ad3cc2dd52b1f5f6a6d2814de0396618b29b4238b9af5207aeb69936e6d",
    url=CLIP_URL,
    size_bytes=4_812_331,
    duration_s=11.0,
    width=1280,
    height=720,
)
_MOTION: Final = Motion(
    still=False,
    measured_s=11.0,
    frames_measured=110,
    brightness=0.46,
    noise=0.008,
    tracks=(
        Track(
            path=(
                Point(at_s=1.2, x=0.12, y=0.61),
                Point(at_s=7.1, x=0.49, y=0.55),
            ),
            area_mean=0.041,
            area_max=0.078,
            box=(0.41, 0.22, 0.55, 0.81),
        ),
    ),
)
READY: Final = ClipReady(
    id=_PERSON_ID,
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    enriched=PERSON_ENRICHED,
    clip=_CLIP,
    frames=_FRAMES,
    motion=_MOTION,
)
UNAVAILABLE: Final = ClipUnavailable(
    id=_MOVEMENT_ID,
    camera_id=BACK_YARD.id,
    timestamp=MOVEMENT_SEEN.timestamp,
    correlation_id=str(_MOVEMENT_ID),
    enriched=_MOVEMENT_ENRICHED,
    reason="not_found",
    detail="404 from frigate.example",
    attempts=1,
)
NOT_WANTED: Final = ClipNotWanted(
    id=_OFFLINE_ID,
    camera_id=FRONT_GATE.id,
    timestamp=WENT_OFFLINE.timestamp,
    correlation_id=str(_OFFLINE_ID),
    enriched=_OFFLINE_ENRICHED,
    reason="nothing_to_see",
)

BEGUN: Final = AttemptBegun(
    id=_ATTEMPT_ID,
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    event_id=_PERSON_ID,
    attempted_at=MORNING + timedelta(seconds=13.5),
    position=0,
    provider="openai",
    model_asked="gpt-5-mini",
    reserved=Reserved(
        lease_id=UUID("5b8f0a1e-3c52-4d0e-9a53-0f6a4a1d7c11"), tokens=9400, cost_usd="0.0041"
    ),
)
ATTEMPT: Final = ProviderAttempted(
    id=_ATTEMPT_ID,
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    event_id=_PERSON_ID,
    attempted_at=MORNING + timedelta(seconds=13.5),
    position=0,
    provider="openai",
    status="answered",
    model_asked="gpt-5-mini",
    model_answered="gpt-5-mini-2025-08-07",
    prompt_version="describe-1",
    prompt_sha256="cf07194ee232eb531e15f690000d19846dea69cf05504782658afcfacb9228a2",
    frames=tuple(frame.sha256 for frame in _FRAMES),
    latency_ms=1840.5,
    usage=Usage(input_tokens=1904, output_tokens=61, image_tokens=1530),
    cost_usd="0.000598",
)
DESCRIBED: Final = Described(
    id=UUID("019ceb4a-ab62-841f-862c-da34b02d200a"),
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    event_id=_PERSON_ID,
    causation_id=_PERSON_ID,
    event=PERSON_SEEN,
    camera=FRONT_GATE,
    model_id="gpt-5-mini-2025-08-07",
    provider_used="openai",
    prompt_version="describe-1",
    answer=Answer(
        description="A person with a backpack walks from the pavement to the gate and stops there.",
        labels=("person", "backpack"),
        confidence=0.9,
        details={"people": 1},
    ),
    clip=_CLIP,
    frames=_FRAMES,
    motion=_MOTION,
    attempts=(_ATTEMPT_ID,),
)
REQUESTED: Final = AnalysisRequested(
    id=UUID("019ceb4a-ab62-8b69-9c61-3d9f1d9c7a10"),
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    enriched=PERSON_ENRICHED,
    revision=2,
    revises=DESCRIBED.id,
    because="operator",
    requested_at=MORNING + timedelta(hours=2),
    requested_by="ada",
    why="was it the courier?",
    clip=_CLIP,
    frames=_FRAMES,
    motion=_MOTION,
)
DEGRADED: Final = Degraded(
    id=UUID("019ceb4a-ab62-8d11-8b43-52a9a3f1e0c4"),
    camera_id=FRONT_GATE.id,
    timestamp=MORNING,
    correlation_id=str(_PERSON_ID),
    event_id=_PERSON_ID,
    causation_id=_PERSON_ID,
    event=PERSON_SEEN,
    camera=FRONT_GATE,
    model_id="gpt-5-mini-2025-08-07",
    provider_used="openai",
    prompt_version="person-1",
    prompt_kind="person",
    answer=Answer(description="A person walks to the gate and rings.", labels=("person",)),
    clip=_CLIP,
    frames=_FRAMES,
    motion=_MOTION,
    reason="all_providers_failed",
    earlier=Earlier(
        cache_type="similar",
        outcome_id=UUID("019ce624-56a1-8b2f-9d3e-7f6a5b4c3d2e"),
        answered_at=MORNING - timedelta(days=1),
        distance=3.5,
    ),
    note="not of this event: said by openai of a similar one of this camera at 2026-03-13 07:41:05"
    " UTC",
)
UNDESCRIBED: Final = Undescribed(
    id=UUID("019ceb4b-aa5f-81ad-8c47-d706784c3abb"),
    camera_id=BACK_YARD.id,
    timestamp=MOVEMENT_SEEN.timestamp,
    correlation_id=str(_MOVEMENT_ID),
    event_id=_MOVEMENT_ID,
    causation_id=_MOVEMENT_ID,
    event=MOVEMENT_SEEN,
    camera=BACK_YARD,
    reason="no_frames",
    detail="not_found: 404 from frigate.example",
    clip_failure="not_found",
)
SKIPPED: Final = Skipped(
    id=UUID("019ceb4e-4060-8e17-aff5-2d4df9e19c81"),
    camera_id=FRONT_GATE.id,
    timestamp=WENT_OFFLINE.timestamp,
    correlation_id=str(_OFFLINE_ID),
    event_id=_OFFLINE_ID,
    causation_id=_OFFLINE_ID,
    event=WENT_OFFLINE,
    camera=FRONT_GATE,
    reason="nothing_to_see",
)
RECORDED: Final = InferenceRecorded(
    id=_RESULT_ID,
    camera_id=FRONT_GATE.id,
    timestamp=MODEL_RESULT.timestamp,
    correlation_id=str(_RESULT_ID),
    event_id=_RESULT_ID,
    result=MODEL_RESULT,
    registered=True,
    registry_version=12,
)


EXAMPLES: Final = {
    tag(type(word)): word
    for word in (
        *PUBLISHABLE,
        PERSON_ENRICHED,
        READY,
        UNAVAILABLE,
        NOT_WANTED,
        BEGUN,
        ATTEMPT,
        REQUESTED,
        DESCRIBED,
        DEGRADED,
        UNDESCRIBED,
        SKIPPED,
        RECORDED,
        *OPERATION,
    )
}
"""By tag, in the order of the flow."""
