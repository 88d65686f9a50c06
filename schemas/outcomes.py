"""What became of each input: `ai.events.v1`, the immutable log, and `ai.inferences.v1`."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.attempts import Answer
from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import Clip, ClipFailure, Frame, Motion, SkipReason
from schemas.event import Derived, Fact
from schemas.fields import Count, Detail, ModelId, Name, Sha256, Timestamp
from schemas.inferences import InferenceResult

UndescribedReason = Literal[
    "no_frames",  # nothing to look at, so nobody was asked
    "all_providers_failed",
    "deadline_passed",
    "too_old",  # a backlog must not delay the present: repair takes it up
]
FallbackReason = Literal["clip_download_failed"]
CacheType = Literal["content", "similar"]


class Earlier(Fact, frozen=True, kw_only=True):
    """The answer that was used again instead of asking: whose it was, and when.

    `content`: the very same frames and prompt. `similar`: the same camera and kind of event, frames
    that differ in `distance` bits of 64 in the mean.
    """

    cache_type: CacheType
    outcome_id: UUID
    answered_at: Timestamp
    distance: Annotated[float, Meta(ge=0, le=64)] = 0.0


class Outcome(Derived, frozen=True, kw_only=True):
    """What became of one camera event.

    `revision` 1 is the first analysis, later ones refer to it.
    """

    event_id: UUID
    causation_id: UUID
    event: CameraEvent
    camera: Camera
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1
    revises: UUID | None = None


class Answered(Outcome, frozen=True, kw_only=True):
    """A provider's answer stands for the event; `fallback_reason` when it saw less than it should.

    `prompt_kind` is the kind of event that the prompt was written for. Another event with the same
    `content_key` (frames and prompt) has the same answer.
    """

    model_id: ModelId
    provider_used: Name
    prompt_version: Name
    prompt_kind: Name = "motion"
    content_key: Sha256 | None = None
    answer: Answer
    clip: Clip | None = None
    frames: Annotated[tuple[Frame, ...], Meta(max_length=64)] = ()
    motion: Motion | None = None
    attempts: Annotated[tuple[UUID, ...], Meta(max_length=64)] = ()
    fallback_reason: FallbackReason | None = None
    fallback_detail: Detail | None = None


class Described(Answered, frozen=True, kw_only=True, tag="described"):
    """A provider looked at these frames and answered, now or when it saw the same ones before."""

    reused: Earlier | None = None


class Degraded(Answered, frozen=True, kw_only=True, tag="degraded"):
    """Nobody could be asked: what was said of something similar stands in, and `note` says so."""

    reason: UndescribedReason
    earlier: Earlier
    note: Detail


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


AiEvent = Described | Degraded | Undescribed | Skipped
