"""From a clip to a question, and from answers to the outcome: everything that needs no waiting."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from schemas.attempts import ProviderAttempted
from schemas.clips import ClipNotWanted, ClipReady, ClipUnavailable, Frame
from schemas.outcomes import AiEvent, Described, Skipped, Undescribed, UndescribedReason
from streams import identity
from streams.ports import Provider, ProviderError, Question, Reply

PROMPT_VERSION: Final = "describe-1"
PROMPT: Final = (
    "These frames come from one fixed camera, in order of time. Say in one or two plain sentences "
    "what happens. Say only what can be seen. If nothing happens, say so."
)


def question(clip: ClipReady | ClipUnavailable) -> Question | None:
    """What to ask about a clip or its stand-in; None when there is no picture at all."""
    frames = pictures(clip)
    if not frames:
        return None
    return Question(
        enriched=clip.enriched,
        frames=frames,
        motion=clip.motion,
        duration_s=clip.clip.duration_s if isinstance(clip, ClipReady) else 0.0,
        prompt=PROMPT,
        prompt_version=PROMPT_VERSION,
    )


def pictures(clip: ClipReady | ClipUnavailable) -> tuple[Frame, ...]:
    """The frames that a provider may see."""
    if isinstance(clip, ClipReady):
        return clip.frames
    return (clip.snapshot,) if clip.snapshot else ()


@dataclass(frozen=True)
class Call:
    """One call of one provider: when it began, how long it took, what came of it."""

    position: int
    provider: Provider
    began: datetime
    latency_ms: float
    result: Reply | ProviderError


def attempted(asked: Question, call: Call) -> ProviderAttempted:
    """The record of one call. A repeated call of the same position is an attempt of its own."""
    cause = asked.enriched
    reply = call.result if isinstance(call.result, Reply) else None
    error = call.result if isinstance(call.result, ProviderError) else None
    return ProviderAttempted(
        id=identity.follows(
            cause.id, "attempt", str(call.position), call.provider.name, call.began.isoformat()
        ),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        attempted_at=call.began,
        position=call.position,
        provider=call.provider.name,
        status="answered" if reply else "failed",
        error_class=error.error_class if error else None,
        error_code=error.code if error else None,
        detail=error.detail[:2000] if error else "",
        model_asked=call.provider.model,
        model_answered=reply.model if reply else None,
        prompt_version=asked.prompt_version,
        prompt_sha256=sha256(asked.prompt.encode()).hexdigest(),
        frames=tuple(frame.sha256 for frame in asked.frames),
        latency_ms=round(call.latency_ms, 3),
        usage=reply.usage if reply else None,
        request_id=reply.request_id if reply else None,
    )


def skipped(clip: ClipNotWanted) -> Skipped:
    """Policy's outcome."""
    cause = clip.enriched
    return Skipped(
        id=identity.outcome_id(cause.id),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        causation_id=clip.id,
        event=cause.event,
        camera=cause.camera,
        reason=clip.reason,
        detail=clip.detail,
    )


def undescribed(
    clip: ClipReady | ClipUnavailable,
    reason: UndescribedReason,
    detail: str,
    attempts: tuple[UUID, ...] = (),
) -> Undescribed:
    """The honest outcome: nobody could say."""
    cause = clip.enriched
    return Undescribed(
        id=identity.outcome_id(cause.id),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        causation_id=clip.id,
        event=cause.event,
        camera=cause.camera,
        reason=reason,
        detail=detail[:2000],
        clip_failure=clip.reason if isinstance(clip, ClipUnavailable) else None,
        clip=clip.clip if isinstance(clip, ClipReady) else None,
        frames=pictures(clip),
        motion=clip.motion,
        attempts=attempts,
    )


def described(
    clip: ClipReady | ClipUnavailable, provider: str, reply: Reply, attempts: tuple[UUID, ...]
) -> Described:
    """A provider's answer as the outcome; a still that stood in for the clip is named as that."""
    cause = clip.enriched
    lost = clip if isinstance(clip, ClipUnavailable) else None
    return Described(
        id=identity.outcome_id(cause.id),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        causation_id=clip.id,
        event=cause.event,
        camera=cause.camera,
        model_id=reply.model,
        provider_used=provider,
        prompt_version=PROMPT_VERSION,
        answer=reply.answer,
        clip=clip.clip if isinstance(clip, ClipReady) else None,
        frames=pictures(clip),
        motion=clip.motion,
        attempts=attempts,
        fallback_reason="clip_download_failed" if lost else None,
        fallback_detail=f"{lost.reason}: {lost.detail}"[:2000] if lost else None,
    )


def conclude(
    clip: ClipReady | ClipUnavailable,
    calls: tuple[Call, ...],
    attempts: tuple[ProviderAttempted, ...],
    *,
    late: bool,
) -> AiEvent:
    """The outcome of a chain that has ended: the last call's answer, or why there is none.

    `late` says that the time ended before the providers did.
    """
    ids = tuple(attempt.id for attempt in attempts)
    if calls and isinstance(calls[-1].result, Reply):
        return described(clip, calls[-1].provider.name, calls[-1].result, ids)
    said = "; ".join(f"{call.provider.name}: {call.result}" for call in calls)
    reason: UndescribedReason = "deadline_passed" if late else "all_providers_failed"
    return undescribed(clip, reason, said or "no provider is configured", ids)
