"""What became of each input: `ai.events.v1`, the immutable log, and `ai.inferences.v1`."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.attempts import Answer
from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import Clip, ClipFailure, Frame, Motion, SkipReason
from schemas.event import Derived
from schemas.fields import Count, Detail, ModelId, Name
from schemas.inferences import InferenceResult

UndescribedReason = Literal[
    "no_frames",  # nothing to look at, so nobody was asked
    "all_providers_failed",
    "deadline_passed",
]
FallbackReason = Literal["clip_download_failed"]


class Outcome(Derived, frozen=True, kw_only=True):
    """What became of one camera event.

    `revision` 1 is the first analysis, later ones refer to it.
    """

    event_id: UUID
    causation_id: UUID
    event: CameraEvent
    camera: Camera
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1


class Described(Outcome, frozen=True, kw_only=True, tag="described"):
    """A provider looked at frames and answered.

    `fallback_reason` when it saw less than it should have.
    """

    model_id: ModelId
    provider_used: Name
    prompt_version: Name
    answer: Answer
    clip: Clip | None = None
    frames: Annotated[tuple[Frame, ...], Meta(max_length=64)] = ()
    motion: Motion | None = None
    attempts: Annotated[tuple[UUID, ...], Meta(max_length=64)] = ()
    fallback_reason: FallbackReason | None = None
    fallback_detail: Detail | None = None


class Undescribed(Outcome, frozen=True, kw_only=True, tag="undescribed"):
    """Nobody could say what happened, and this is why; a later repair may."""

    reason: UndescribedReason
    detail: Detail
    clip_failure: ClipFailure | None = None
    clip: Clip | None = None
    frames: Annotated[tuple[Frame, ...], Meta(max_length=64)] = ()
    motion: Motion | None = None
    attempts: Annotated[tuple[UUID, ...], Meta(max_length=64)] = ()


class Skipped(Outcome, frozen=True, kw_only=True, tag="skipped"):
    """Policy says that nobody is asked about this event."""

    reason: SkipReason
    detail: Detail = ""


class InferenceRecorded(Derived, frozen=True, kw_only=True, tag="inference-recorded"):
    """An inference result as recorded, with the camera it belongs to."""

    event_id: UUID
    result: InferenceResult
    registered: bool
    registry_version: Count | None = None


AiEvent = Described | Undescribed | Skipped
