"""From one event of the log to its rows: total, deterministic, with nothing remembered in between.

The same event always gives the same rows, and every row has a primary key that follows from the
event; applied twice, and in any order of topics, the read model is the same.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.camera_events import CameraConnectionChanged, CameraEvent, Detection
from schemas.cameras import Camera, CameraRegistered
from schemas.clips import Clip, Frame, Motion
from schemas.outcomes import AiEvent, Degraded, Described, InferenceRecorded, Skipped, Undescribed
from streams import identity
from streams.projection.answers import answer_rows
from streams.projection.attempts import attempt_row
from streams.projection.documents import (
    CameraMetadata,
    EventMetadata,
    InferenceMetadata,
    Items,
    Settings,
)
from streams.projection.rows import ClipRow, DeviceRow, EventRow, Row
from streams.topics import AI_ATTEMPTS, AI_EVENTS, AI_INFERENCES, REGISTRY

Projected = AiEvent | InferenceRecorded | AttemptBegun | ProviderAttempted | CameraRegistered

PROJECTED: Final = (REGISTRY, AI_EVENTS, AI_INFERENCES, AI_ATTEMPTS)
"""The topics that the read model is a fold of; all are kept."""

NO_MODEL: Final = "none"
NOTHING: Final = b"{}"
NO_ANSWER: Final = (None, None, None, None, None)
"""`description`, `provider_used` and the three reasons of what nobody was asked about."""

UNREGISTERED: Final = (False, False, None, NOTHING)
"""`registered`, `removed`, `registry_version` and `settings` of what is only mentioned."""

_json = msgspec.json.Encoder().encode


def project(event: Projected, recorded_at: datetime, offset: int) -> tuple[Row, ...]:
    """The rows of an event that was recorded at `recorded_at` under `offset`."""
    match event:
        case InferenceRecorded():
            return _inference(event, recorded_at)
        case Described() | Degraded():
            return _answered(event, recorded_at)
        case Undescribed():
            return _undescribed(event, recorded_at)
        case Skipped():
            return _skipped(event, recorded_at)
        case ProviderAttempted() | AttemptBegun():
            return (attempt_row(event, recorded_at),)
        case CameraRegistered():
            return (_device(event, recorded_at, offset),)


def _inference(event: InferenceRecorded, recorded_at: datetime) -> tuple[Row, ...]:
    result = event.result
    mention = _mention(event.camera_id, result.source, result.camera_id, recorded_at)
    metadata = InferenceMetadata(
        result.source, result.camera_id, result.result_id, event.registered, result.metadata
    )
    return mention, EventRow(  # by place: half the time of by name, and these are the many
        event.id,
        event.camera_id,
        result.model_id,
        event.timestamp,
        result.frame_id,
        _json(Items(result.detections)),
        result.confidence,
        _json(metadata),
        recorded_at,
        event.event_id,
        "recorded",
        *NO_ANSWER,
        False,  # noqa: FBT003  # degraded
        1,
        _sorted(tuple([detection.label for detection in result.detections])),
        event.correlation_id,
    )


def _answered(event: Described | Degraded, recorded_at: datetime) -> tuple[Row, ...]:
    answer, is_degraded = event.answer, isinstance(event, Degraded)
    metadata = EventMetadata(event.event, _camera(event.camera), answer.details)
    failure = event.fallback_detail or event.fallback_reason
    seen = (*_event_labels(event.event), *answer.labels)
    row = EventRow(
        id=event.id,
        camera_id=event.camera_id,
        model_id=event.model_id,
        timestamp=event.timestamp,
        frame_id=None,
        detections=_json(Items(answer.detections)),
        confidence=answer.confidence,
        event_metadata=_json(metadata),
        created_at=recorded_at,
        event_id=event.event_id,
        outcome="degraded" if is_degraded else "described",
        description=answer.description,
        provider_used=event.provider_used,
        reason=event.reason if isinstance(event, Degraded) else None,
        fallback_reason=event.fallback_reason,
        fallback_detail=event.fallback_detail,
        degraded=is_degraded,
        revision=event.revision,
        labels=_labels(seen, answer.detections),
        correlation_id=event.correlation_id,
    )
    clip = _clip(event, recorded_at, failure=failure, motion=event.motion)
    answers = answer_rows(event, recorded_at)
    return _mentioned(event, recorded_at), row, clip, *answers


def _undescribed(event: Undescribed, recorded_at: datetime) -> tuple[Row, ...]:
    metadata = EventMetadata(
        event.event, _camera(event.camera), None, event.clip_failure, event.detail
    )
    row = _unanswered(event, recorded_at, outcome="undescribed", metadata=metadata)
    clip = _clip(event, recorded_at, failure=event.clip_failure, motion=event.motion)
    return _mentioned(event, recorded_at), row, clip


def _skipped(event: Skipped, recorded_at: datetime) -> tuple[Row, ...]:
    metadata = EventMetadata(event.event, _camera(event.camera), None, None, event.detail)
    row = _unanswered(event, recorded_at, outcome="skipped", metadata=metadata)
    return _mentioned(event, recorded_at), row


def _unanswered(
    event: Undescribed | Skipped, recorded_at: datetime, *, outcome: str, metadata: EventMetadata
) -> EventRow:
    return EventRow(
        id=event.id,
        camera_id=event.camera_id,
        model_id=NO_MODEL,
        timestamp=event.timestamp,
        frame_id=None,
        detections=NOTHING,
        confidence=None,
        event_metadata=_json(metadata),
        created_at=recorded_at,
        event_id=event.event_id,
        outcome=outcome,
        description=None,
        provider_used=None,
        reason=event.reason,
        fallback_reason=None,
        fallback_detail=None,
        degraded=False,
        revision=event.revision,
        labels=_labels(_event_labels(event.event), ()),
        correlation_id=event.correlation_id,
    )


def _clip(
    event: Described | Degraded | Undescribed,
    recorded_at: datetime,
    *,
    failure: str | None,
    motion: Motion | None,
) -> ClipRow:
    clip: Clip | None = event.clip
    frames: tuple[Frame, ...] = event.frames
    return ClipRow(
        event_id=event.event_id,
        timestamp=event.timestamp,
        camera_id=event.camera_id,
        sha256=clip.sha256 if clip else None,
        url=clip.url if clip else None,
        size_bytes=clip.size_bytes if clip else None,
        duration_s=clip.duration_s if clip else None,
        width=clip.width if clip else None,
        height=clip.height if clip else None,
        truncated=clip.truncated if clip else False,
        failure=failure,
        frames=_json(frames),
        motion=_json(motion) if motion else None,
        snapshot=clip is None and bool(frames),
        created_at=recorded_at,
    )


def _device(event: CameraRegistered, recorded_at: datetime, offset: int) -> DeviceRow:
    return DeviceRow(
        id=identity.camera_id(event.source, event.camera_id),
        kind="camera",
        source=event.source,
        source_id=event.camera_id,
        name=event.name,
        site=event.site,
        privacy=event.privacy,
        registered=True,
        removed=event.removed,
        registry_version=offset,
        settings=_json(Settings(event.zones, event.policy)),
        created_at=recorded_at,
    )


def _mentioned(event: AiEvent, recorded_at: datetime) -> DeviceRow:
    camera = event.camera
    return _mention(event.camera_id, camera.source, camera.source_id, recorded_at)


def _mention(camera_id: UUID, source: str, source_id: str, recorded_at: datetime) -> DeviceRow:
    """A camera that may or may not be registered: no event is lost for want of its device."""
    return DeviceRow(
        camera_id, "camera", source, source_id, None, None, None, *UNREGISTERED, recorded_at
    )


def _camera(camera: Camera) -> CameraMetadata:
    return CameraMetadata(camera.name, camera.site, camera.registered)


def _event_labels(event: CameraEvent) -> tuple[str, ...]:
    if isinstance(event, CameraConnectionChanged):
        return ()
    return (*event.labels, *(found.label for found in event.detections))


def _labels(labels: Iterable[str], found: Iterable[Detection]) -> tuple[str, ...]:
    """All labels once, sorted: what a query by label finds."""
    return _sorted((*labels, *[detection.label for detection in found]))


@lru_cache(maxsize=256)  # they repeat; see `_literal` of the sink
def _sorted(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(labels)))
