"""From what was seen of an event to its outcome: everything that needs no waiting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID

from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import (
    CameraEventEnriched,
    Clip,
    ClipFailure,
    ClipNotWanted,
    ClipReady,
    ClipUnavailable,
    Frame,
    Motion,
)
from schemas.outcomes import (
    Degraded,
    Described,
    FallbackReason,
    Skipped,
    Undescribed,
    UndescribedReason,
)
from schemas.requests import AnalysisRequested
from streams import identity
from streams.providers.attempts import Call
from streams.providers.layers import EarlierAnswer
from streams.providers.ports import Prompt, ProviderError, Question, Refusal, Reply

DETAIL_MAX: Final = 2000


@dataclass(frozen=True)
class Subject:
    """What an outcome will be about: an event, what there is to see of it, and which revision."""

    outcome_id: UUID
    causation_id: UUID
    enriched: CameraEventEnriched
    clip: Clip | None
    frames: tuple[Frame, ...]
    motion: Motion | None
    clip_failure: ClipFailure | None = None
    clip_detail: str = ""
    revision: int = 1
    revises: UUID | None = None


def of_clip(clip: ClipReady | ClipUnavailable | ClipNotWanted) -> Subject:
    """The first analysis of an event; a still may stand in for its clip."""
    outcome_id = identity.outcome_id(clip.enriched.id)
    if isinstance(clip, ClipReady):
        return Subject(outcome_id, clip.id, clip.enriched, clip.clip, clip.frames, clip.motion)
    if isinstance(clip, ClipNotWanted):
        return Subject(outcome_id, clip.id, clip.enriched, None, (), None)
    frames = (clip.snapshot,) if clip.snapshot else ()
    return Subject(
        outcome_id,
        clip.id,
        clip.enriched,
        None,
        frames,
        clip.motion,
        clip.reason,
        clip.detail,
    )


def of_request(request: AnalysisRequested) -> Subject:
    """Another look at what was seen then."""
    return Subject(
        identity.outcome_id(request.id),
        request.id,
        request.enriched,
        request.clip,
        request.frames,
        request.motion,
        request.clip_failure,
        request.clip_detail,
        request.revision,
        request.revises,
    )


def question(subject: Subject, prompt: Prompt) -> Question:
    """What to ask about it."""
    return Question(
        enriched=subject.enriched,
        frames=subject.frames,
        motion=subject.motion,
        duration_s=subject.clip.duration_s if subject.clip else 0.0,
        prompt=prompt,
    )


def skipped(clip: ClipNotWanted) -> Skipped:
    """Policy's outcome."""
    return Skipped(**_common(of_clip(clip)), reason=clip.reason, detail=clip.detail)


def undescribed(
    subject: Subject,
    reason: UndescribedReason,
    detail: str,
    attempts: tuple[UUID, ...] = (),
) -> Undescribed:
    """The honest outcome: nobody could say."""
    return Undescribed(
        **_common(subject),
        reason=reason,
        detail=detail[:DETAIL_MAX],
        clip_failure=subject.clip_failure,
        clip=subject.clip,
        frames=subject.frames,
        motion=subject.motion,
        attempts=attempts,
    )


@dataclass(frozen=True)
class Asked:
    """Under which prompt, with which attempts; `content_key` when the answer may be used again."""

    kind: str
    prompt: Prompt
    content_key: str | None = None
    attempts: tuple[UUID, ...] = ()


def described(subject: Subject, asked: Asked, provider: str, reply: Reply) -> Described:
    """A provider's answer as the outcome; a still that stood in for the clip is named as that."""
    return Described(
        **_common(subject),
        **_seen(subject, asked),
        model_id=reply.model,
        provider_used=provider,
        prompt_version=asked.prompt.version,
        answer=reply.answer,
    )


def reused(subject: Subject, asked: Asked, known: EarlierAnswer) -> Described:
    """The very same frames were described before: so are these, and nobody is asked."""
    return Described(
        **_common(subject),
        **_seen(subject, asked),
        model_id=known.model,
        provider_used=known.provider,
        prompt_version=known.prompt_version,
        answer=known.answer,
        reused=known.earlier,
    )


def degraded(
    subject: Subject, asked: Asked, known: EarlierAnswer, reason: UndescribedReason
) -> Degraded:
    """What was said of something alike stands in until somebody can be asked."""
    return Degraded(
        **_common(subject),
        **_seen(subject, asked),
        model_id=known.model,
        provider_used=known.provider,
        prompt_version=known.prompt_version,
        answer=known.answer,
        reason=reason,
        earlier=known.earlier,
        note=f"not of this event: said by {known.provider} of a similar one of this camera at "
        f"{known.earlier.answered_at:%Y-%m-%d %H:%M:%S} UTC",
    )


def without_answer(calls: Sequence[Call], *, late: bool) -> tuple[UndescribedReason, str]:
    """Why a chain that has ended has no answer. `late`: the time ended before the providers did."""
    said = "; ".join(f"{call.provider}: {_said(call.result)}" for call in calls)
    reason: UndescribedReason = "deadline_passed" if late else "all_providers_failed"
    return reason, said or "no provider is configured"


class _Common(TypedDict):
    """The fields that every outcome has."""

    id: UUID
    camera_id: UUID
    timestamp: datetime
    correlation_id: str
    event_id: UUID
    causation_id: UUID
    event: CameraEvent
    camera: Camera
    revision: int
    revises: UUID | None


def _common(subject: Subject) -> _Common:
    cause = subject.enriched
    return {
        "id": subject.outcome_id,
        "camera_id": cause.camera_id,
        "timestamp": cause.timestamp,
        "correlation_id": cause.correlation_id,
        "event_id": cause.id,
        "causation_id": subject.causation_id,
        "event": cause.event,
        "camera": cause.camera,
        "revision": subject.revision,
        "revises": subject.revises,
    }


class _Seen(TypedDict):
    """The fields that every answered outcome has beside the answer."""

    prompt_kind: str
    content_key: str | None
    clip: Clip | None
    frames: tuple[Frame, ...]
    motion: Motion | None
    attempts: tuple[UUID, ...]
    fallback_reason: FallbackReason | None
    fallback_detail: str | None


def _seen(subject: Subject, asked: Asked) -> _Seen:
    lost = f"{subject.clip_failure}: {subject.clip_detail}" if subject.clip_failure else None
    return {
        "prompt_kind": asked.kind,
        "content_key": asked.content_key,
        "clip": subject.clip,
        "frames": subject.frames,
        "motion": subject.motion,
        "attempts": asked.attempts,
        "fallback_reason": "clip_download_failed" if lost else None,
        "fallback_detail": lost[:DETAIL_MAX] if lost else None,
    }


def _said(result: Reply | ProviderError | Refusal) -> str:
    return f"not asked, {result.detail}" if isinstance(result, Refusal) else str(result)
