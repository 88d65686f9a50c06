"""Answers as the OpenAPI document shows them: the story of `schemas.examples`."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
from pydantic import BaseModel, JsonValue

from connectors.http.cursor import cursor
from connectors.http.models import (
    Accepted,
    Attempt,
    Camera,
    Cameras,
    Clip,
    Event,
    Events,
    EventSummary,
    Frame,
    Usage,
)
from schemas.examples.stories import ATTEMPT, DESCRIBED, READY, RECORDED
from schemas.examples.upstream import FRONT_GATE
from streams.queries import Place
from streams.topics import CAMERA_EVENTS, INFERENCE_RESULTS


def _json(word: object) -> JsonValue:
    found: JsonValue = msgspec.json.decode(msgspec.json.encode(word))
    return found


_RECORDED_AT: Final = datetime(2026, 3, 14, 7, 41, 21, 310_000, UTC)

SUMMARY: Final = EventSummary(
    id=DESCRIBED.id,
    event_id=DESCRIBED.event_id,
    camera_id=DESCRIBED.camera_id,
    timestamp=DESCRIBED.timestamp,
    created_at=_RECORDED_AT,
    outcome="described",
    description=DESCRIBED.answer.description,
    labels=DESCRIBED.answer.labels,
    confidence=DESCRIBED.answer.confidence,
    model_id=DESCRIBED.model_id,
    provider_used=DESCRIBED.provider_used,
    frame_id=None,
    reason=None,
    fallback_reason=None,
    fallback_detail=None,
    degraded=False,
    revision=1,
    correlation_id=DESCRIBED.correlation_id,
)
EVENTS: Final = Events(items=(SUMMARY,), next_cursor=cursor(Place(SUMMARY.timestamp, SUMMARY.id)))
EVENT: Final = Event.model_validate(
    {
        **SUMMARY.model_dump(),
        "detections": {"items": _json(DESCRIBED.answer.detections)},
        "event_metadata": {
            "event": _json(DESCRIBED.event),
            "camera": {"name": FRONT_GATE.name, "site": FRONT_GATE.site, "registered": True},
        },
        "attempts": [
            Attempt.model_validate(
                {
                    **{name: getattr(ATTEMPT, name) for name in ATTEMPT.__struct_fields__},
                    "usage": Usage.model_validate(ATTEMPT.usage),
                    "cost_usd": Decimal(ATTEMPT.cost_usd or 0),
                }
            )
        ],
        "clip": Clip.model_validate(
            {
                **{name: getattr(READY.clip, name) for name in READY.clip.__struct_fields__},
                "failure": None,
                "snapshot": False,
                "motion": _json(READY.motion),
            }
        ),
        "frames": [Frame.model_validate(frame) for frame in READY.frames],
    }
)
CAMERAS: Final = Cameras(
    items=(
        Camera(
            id=FRONT_GATE.id,
            kind="camera",
            source=FRONT_GATE.source,
            source_id=FRONT_GATE.source_id,
            name=FRONT_GATE.name,
            site=FRONT_GATE.site,
            privacy=FRONT_GATE.privacy,
            registered=True,
            removed=False,
            registry_version=FRONT_GATE.registry_version,
            settings={"zones": _json(FRONT_GATE.zones)},
            created_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
        ),
    )
)
EVENT_ACCEPTED: Final = Accepted(
    id=DESCRIBED.event_id, topic=CAMERA_EVENTS.name, partition=3, offset=48_211
)
RESULT_ACCEPTED: Final = Accepted(
    id=RECORDED.id, topic=INFERENCE_RESULTS.name, partition=3, offset=1_804_127
)
ANSWERS: Final[dict[tuple[str, str, str], BaseModel]] = {
    ("/api/v1/cameras", "get", "200"): CAMERAS,
    ("/api/v1/events", "get", "200"): EVENTS,
    ("/api/v1/events/{id}", "get", "200"): EVENT,
    ("/api/v1/camera-events", "post", "202"): EVENT_ACCEPTED,
    ("/api/v1/inference-results", "post", "202"): RESULT_ACCEPTED,
}
"""What success looks like, by path, method and status."""
