"""Calls of providers, and decisions not to call, as words of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.attempts import AttemptBegun, ProviderAttempted, Reserved
from schemas.clips import Frame
from streams import identity
from streams.providers import prices
from streams.providers.ports import (
    Provider,
    ProviderError,
    Question,
    Refusal,
    Reply,
    Reservation,
)
from streams.providers.prices import Cost


@dataclass(frozen=True)
class Call:
    """One call of one provider, or why it was not called.

    `attempt` counts the calls of this provider for this event from 1; it is 0 when none
    was begun.
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
    reusable: bool = False
    """Whether the answer is worth keeping for the same frames: what is computed at home is not."""


def attempt_id(asked: Question, position: int, provider: str, attempt: int, at: datetime) -> UUID:
    """A repeated call of the same place, after a crash, is an attempt of its own."""
    place = (str(position), provider, str(attempt), at.isoformat())
    return identity.follows(asked.enriched.id, "attempt", *place)


def begun(
    asked: Question,
    position: int,
    attempt: int,
    provider: Provider,
    *,
    at: datetime,
    reserved: Reservation,
) -> AttemptBegun:
    """The record of a call that is about to be made, and of the budget that pays for it."""
    cause, usd = asked.enriched, reserved.cost_usd
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
        reserved=Reserved(
            lease_id=reserved.lease_id,
            tokens=reserved.tokens,
            cost_usd=None if usd is None else prices.text(usd),
        )
        if reserved.lease_id
        else None,
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
