"""From a clip to a question, and from answers to the outcome: everything that needs no waiting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.clips import ClipNotWanted, ClipReady, ClipUnavailable, Frame
from schemas.outcomes import AiEvent, Described, Skipped, Undescribed, UndescribedReason
from streams import identity
from streams.providers import prices
from streams.providers.ports import Prompt, Provider, ProviderError, Question, Refusal, Reply
from streams.providers.prices import Cost

_TEXT: Final = (
    "These frames come from one fixed camera, in order of time. Say in one or two plain sentences "
    "what happens. Say only what can be seen. If nothing happens, say so."
)
PROMPT: Final = Prompt("describe-1", sha256(_TEXT.encode()).hexdigest(), "", _TEXT)


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
    )


def pictures(clip: ClipReady | ClipUnavailable) -> tuple[Frame, ...]:
    """The frames that a provider may see."""
    if isinstance(clip, ClipReady):
        return clip.frames
    return (clip.snapshot,) if clip.snapshot else ()


@dataclass(frozen=True)
class Call:
    """One call of one provider, or why it was not called.

    `attempt` counts the calls of this provider for this event from 1; it is 0 without a call.
    """

    position: int
    attempt: int
    provider: str
    model: str | None
    began: datetime
    latency_ms: float | None
    result: Reply | ProviderError | Refusal
    frames: tuple[Frame, ...] = ()
    cost: Cost | None = None
    """`None`: nobody was called, so there is nothing to pay."""


def attempt_id(asked: Question, position: int, provider: str, attempt: int, at: datetime) -> UUID:
    """A repeated call of the same place, after a crash, is an attempt of its own."""
    place = (str(position), provider, str(attempt), at.isoformat())
    return identity.follows(asked.enriched.id, "attempt", *place)


def begun(
    asked: Question, position: int, attempt: int, provider: Provider, at: datetime
) -> AttemptBegun:
    """The record of a call that is about to be made."""
    cause = asked.enriched
    return AttemptBegun(
        id=attempt_id(asked, position, provider.name, attempt, at),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        attempted_at=at,
        position=position,
        attempt=attempt,
        provider=provider.name,
        model_asked=provider.model,
    )


def attempted(asked: Question, call: Call) -> ProviderAttempted:
    """The record of one call, or of the decision not to make it."""
    cause, result, cost = asked.enriched, call.result, call.cost
    reply = result if isinstance(result, Reply) else None
    error = result if isinstance(result, ProviderError) else None
    refusal = result if isinstance(result, Refusal) else None
    refused = error or refusal
    answered = reply or error
    return ProviderAttempted(
        id=attempt_id(asked, call.position, call.provider, call.attempt, call.began),
        camera_id=cause.camera_id,
        timestamp=cause.timestamp,
        correlation_id=cause.correlation_id,
        event_id=cause.id,
        attempted_at=call.began,
        position=call.position,
        attempt=call.attempt,
        provider=call.provider,
        status="answered" if reply else "skipped" if refusal else "failed",
        not_asked=refusal.reason if refusal else None,
        error_class=refused.error_class if refused else None,
        error_code=error.code[:2000] if error and error.code else None,
        detail=refused.detail[:2000] if refused else "",
        model_asked=call.model,
        model_answered=answered.model if answered else None,
        prompt_version=asked.prompt.version,
        prompt_sha256=asked.prompt.sha256,
        frames=tuple(frame.sha256 for frame in call.frames),
        latency_ms=None if call.latency_ms is None else round(call.latency_ms, 3),
        usage=answered.usage if answered else None,
        cost_usd=prices.text(cost.usd) if cost and cost.usd is not None else None,
        price_version=cost.version if cost else None,
        request_id=answered.request_id if answered else None,
    )


def out_of_time(calls: Sequence[Call]) -> bool:
    """Whether somebody was not asked because the time was over."""
    return any(isinstance(c.result, Refusal) and c.result.reason == "no_time" for c in calls)


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
        prompt_version=PROMPT.version,
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
        return described(clip, calls[-1].provider, calls[-1].result, ids)
    said = "; ".join(f"{call.provider}: {_said(call.result)}" for call in calls)
    reason: UndescribedReason = "deadline_passed" if late else "all_providers_failed"
    return undescribed(clip, reason, said or "no provider is configured", ids)


def _said(result: Reply | ProviderError | Refusal) -> str:
    return f"not asked, {result.detail}" if isinstance(result, Refusal) else str(result)
