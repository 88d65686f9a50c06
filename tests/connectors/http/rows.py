"""Rows of a small read model: the story of `schemas.examples`, and further events as asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from schemas.examples.stories import ATTEMPT, DESCRIBED, READY, RECORDED
from schemas.examples.upstream import FRONT_GATE
from streams.identity import time_ordered
from streams.projection.rows import AnswerRow
from streams.providers.health.overview import Seat
from streams.queries import AttemptRow, CameraRow, ClipRow, EventRow, Json
from streams.quota.limits import Caps, Limits


def plain(word: object) -> Json:
    found: Json = msgspec.json.decode(msgspec.json.encode(word))
    return found


RECORDED_AT = datetime(2026, 3, 14, 7, 42, tzinfo=UTC)

CAMERA = CameraRow(
    id=FRONT_GATE.id,
    kind="camera",
    source=FRONT_GATE.source,
    source_id=FRONT_GATE.source_id,
    name=FRONT_GATE.name,
    site=FRONT_GATE.site,
    privacy=FRONT_GATE.privacy,
    registered=True,
    removed=False,
    registry_version=12,
    settings={"zones": plain(FRONT_GATE.zones)},
    created_at=RECORDED_AT,
)
EVENT = EventRow(
    id=DESCRIBED.id,
    camera_id=DESCRIBED.camera_id,
    model_id=DESCRIBED.model_id,
    timestamp=DESCRIBED.timestamp,
    frame_id=None,
    detections={"items": []},
    confidence=DESCRIBED.answer.confidence,
    event_metadata={"event": plain(DESCRIBED.event)},
    created_at=RECORDED_AT,
    event_id=DESCRIBED.event_id,
    outcome="described",
    description=DESCRIBED.answer.description,
    provider_used=DESCRIBED.provider_used,
    reason=None,
    fallback_reason=None,
    fallback_detail=None,
    degraded=False,
    revision=1,
    labels=DESCRIBED.answer.labels,
    correlation_id=DESCRIBED.correlation_id,
)
RESULT = replace(
    EVENT,
    id=RECORDED.id,
    event_id=RECORDED.id,
    timestamp=RECORDED.timestamp,
    model_id=RECORDED.result.model_id,
    frame_id=RECORDED.result.frame_id,
    outcome="recorded",
    description=None,
    provider_used=None,
    labels=("person",),
)
TRIED = AttemptRow(
    id=ATTEMPT.id,
    timestamp=ATTEMPT.timestamp,
    event_id=ATTEMPT.event_id,
    camera_id=ATTEMPT.camera_id,
    position=0,
    attempt=1,
    provider=ATTEMPT.provider,
    status="answered",
    not_asked=None,
    error_class=None,
    error_code=None,
    detail="",
    model_asked=ATTEMPT.model_asked,
    model_answered=ATTEMPT.model_answered,
    prompt_version=ATTEMPT.prompt_version,
    prompt_sha256=ATTEMPT.prompt_sha256,
    frames=ATTEMPT.frames,
    latency_ms=ATTEMPT.latency_ms,
    usage=ATTEMPT.usage,
    cost_usd=Decimal("0.000598"),
    price_version=ATTEMPT.price_version,
    request_id=None,
    attempted_at=ATTEMPT.attempted_at,
    created_at=RECORDED_AT,
    correlation_id=ATTEMPT.correlation_id,
)
SKIPPED_FIRST = replace(
    TRIED,
    id=UUID("019ceb4a-ab62-815e-96a2-232908ecf24e"),
    provider="grok",
    status="skipped",
    error_class="policy",
    detail="this camera's pictures stay here",
    usage=None,
    cost_usd=None,
    attempted_at=ATTEMPT.attempted_at - timedelta(seconds=1),
)
CLIP = ClipRow(
    sha256=READY.clip.sha256,
    url=READY.clip.url,
    size_bytes=READY.clip.size_bytes,
    duration_s=READY.clip.duration_s,
    width=1280,
    height=720,
    truncated=False,
    failure=None,
    snapshot=False,
    frames=READY.frames,
    motion=plain(READY.motion),
)


FAILED = replace(TRIED, id=UUID(int=1), status="failed", error_class="timeout", cost_usd=None)
GIVEN = AnswerRow(
    outcome_id=UUID(int=2),
    timestamp=DESCRIBED.timestamp,
    camera_id=DESCRIBED.camera_id,
    kind="person",
    content_key=None,
    dhashes=(),
    provider="openai",
    model=DESCRIBED.model_id,
    prompt_version="person-1",
    answer=b"{}",
    cache_type=None,
    source_id=None,
    created_at=RECORDED_AT,
)
USED_AGAIN = GIVEN._replace(outcome_id=UUID(int=3), cache_type="content", source_id=UUID(int=2))

NOW = RECORDED_AT + timedelta(hours=1)
SEATS = (
    Seat("openai", "gpt-5-mini", local=False),
    Seat("grok", "grok-4", local=False, missing="XAI_API_KEY"),
    Seat("anthropic", "claude-haiku", local=False),
    Seat("motion", "motion-1", local=True),
)
LIMITS = Limits(named={"openai": {"day": Caps(requests=1_000)}})


def event(number: int, timestamp: datetime) -> EventRow:
    """One more event, which differs from others by its number."""
    return replace(EVENT, id=time_ordered(timestamp, str(number)), timestamp=timestamp)
