"""Outcomes that a provider may still answer: which are taken up again, and with what request."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import CameraEventEnriched, Clip, ClipFailure, Motion
from schemas.requests import AnalysisRequested
from streams import identity
from streams.queries import ClipRow, EventRow

BY: Final = "repair"
AGE_MAX: Final = timedelta(days=7)
WAIT: Final = timedelta(minutes=1)
REVISIONS_MAX: Final = 8
"""Of one event; each waits twice as long as the one before, so the last after two hours."""

REASONS: Final = ("all_providers_failed", "deadline_passed", "too_old")
"""Why an outcome is without an answer of its own, where asking again may give one."""


@dataclass(frozen=True)
class Unanswered:
    """The newest revision of an event that nobody has described, and what there is to see of it."""

    event: EventRow
    clip: ClipRow


class Unrepaired(Protocol):
    """The read model, asked for what is still to be answered."""

    async def unanswered(self, now: datetime, limit: int) -> list[Unanswered]:
        """The newest events first: those that are due now. Raises Unavailable."""
        ...


def due(event: EventRow, now: datetime) -> bool:
    """Whether it is time for another try."""
    if event.revision > REVISIONS_MAX or event.timestamp < now - AGE_MAX:
        return False
    waits: timedelta = WAIT * float(2 ** (event.revision - 1))
    return event.created_at + waits <= now


def camera_of(event: EventRow) -> Camera:
    """The camera of an event as far as the event itself tells."""
    told = _told(event)
    return Camera(
        id=event.camera_id, source=told.source, source_id=told.camera_id, name=told.camera_id
    )


def request(found: Unanswered, camera: Camera, now: datetime) -> AnalysisRequested:
    """The request for the next revision; the same however often it is made.

    `camera` is what is known of it now: its privacy may have changed since.
    """
    row, seen = found.event, found.clip
    return AnalysisRequested(
        id=identity.follows(row.event_id, BY, str(row.revision + 1)),
        camera_id=row.camera_id,
        timestamp=row.timestamp,
        correlation_id=row.correlation_id,
        enriched=CameraEventEnriched(
            id=row.event_id,
            camera_id=row.camera_id,
            timestamp=row.timestamp,
            correlation_id=row.correlation_id,
            event=_told(row),
            camera=camera,
        ),
        revision=row.revision + 1,
        revises=row.id,
        because="repair",
        requested_at=now,
        requested_by=BY,
        why=f"{row.outcome}: {row.reason}",
        clip=_clip(seen),
        clip_failure=_failure(row, seen),
        clip_detail=(row.fallback_detail or seen.failure or "") if seen.snapshot else "",
        frames=seen.frames,
        motion=None if seen.motion is None else msgspec.convert(seen.motion, Motion),
    )


def _told(row: EventRow) -> CameraEvent:
    event: CameraEvent = msgspec.convert(row.event_metadata["event"], CameraEvent)
    return event


def _clip(seen: ClipRow) -> Clip | None:
    if seen.sha256 is None or seen.url is None:
        return None
    return Clip(
        sha256=seen.sha256,
        url=seen.url,
        size_bytes=seen.size_bytes or 0,
        duration_s=seen.duration_s or 0.0,
        width=seen.width or 0,
        height=seen.height or 0,
        truncated=seen.truncated,
    )


def _failure(row: EventRow, seen: ClipRow) -> ClipFailure | None:
    """Why a still stands in; the outcome says it as `reason: detail` or the clip's row by name."""
    if not seen.snapshot:
        return None
    said = (row.fallback_detail or seen.failure or "").split(":", 1)[0]
    try:
        failure: ClipFailure = msgspec.convert(said, ClipFailure)
    except msgspec.ValidationError:
        return "no_clip_named"
    return failure
