"""Calls of providers as rows: once as begun, once as what came of them."""

from datetime import datetime
from decimal import Decimal

from schemas.attempts import AttemptBegun, ProviderAttempted, Usage
from streams.projection.rows import AttemptRow


def attempt_row(event: AttemptBegun | ProviderAttempted, recorded_at: datetime) -> AttemptRow:
    """The row of either word; both have the attempt's id, and `status` tells them apart."""
    if isinstance(event, AttemptBegun):
        return _begun(event, recorded_at)
    return _ended(event, recorded_at)


def _ended(event: ProviderAttempted, recorded_at: datetime) -> AttemptRow:
    usage = event.usage or Usage()
    return AttemptRow(
        id=event.id,
        timestamp=event.timestamp,
        event_id=event.event_id,
        camera_id=event.camera_id,
        position=event.position,
        attempt=event.attempt,
        provider=event.provider,
        status=event.status,
        not_asked=event.not_asked,
        error_class=event.error_class,
        error_code=event.error_code,
        detail=event.detail,
        model_asked=event.model_asked,
        model_answered=event.model_answered,
        prompt_version=event.prompt_version,
        prompt_sha256=event.prompt_sha256,
        frames=event.frames,
        latency_ms=event.latency_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        image_tokens=usage.image_tokens,
        cost_usd=Decimal(event.cost_usd) if event.cost_usd is not None else None,
        price_version=event.price_version,
        request_id=event.request_id,
        attempted_at=event.attempted_at,
        created_at=recorded_at,
        correlation_id=event.correlation_id,
    )


def _begun(event: AttemptBegun, recorded_at: datetime) -> AttemptRow:
    return AttemptRow(
        id=event.id,
        timestamp=event.timestamp,
        event_id=event.event_id,
        camera_id=event.camera_id,
        position=event.position,
        attempt=event.attempt,
        provider=event.provider,
        status="begun",
        not_asked=None,
        error_class=None,
        error_code=None,
        detail="",
        model_asked=event.model_asked,
        model_answered=None,
        prompt_version=None,
        prompt_sha256=None,
        frames=(),
        latency_ms=None,
        input_tokens=None,
        output_tokens=None,
        cached_tokens=None,
        cache_write_tokens=None,
        reasoning_tokens=None,
        image_tokens=None,
        cost_usd=None,
        price_version=None,
        request_id=None,
        attempted_at=event.attempted_at,
        created_at=recorded_at,
        correlation_id=event.correlation_id,
    )
