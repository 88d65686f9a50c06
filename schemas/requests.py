"""Analysis asked for again: `analysis.requests.v1`. Self-contained, as the log is."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.clips import CameraEventEnriched, Clip, ClipFailure, Frame, Motion
from schemas.event import Derived
from schemas.fields import Detail, Name, Timestamp

RequestReason = Literal["operator", "repair", "replay"]


class AnalysisRequested(Derived, frozen=True, kw_only=True, tag="analysis-requested"):
    """Somebody wants a new revision of an outcome; `revises` is the one that stands so far.

    The outcome that comes of it has an id that follows from this one's.
    """

    enriched: CameraEventEnriched
    revision: Annotated[int, Meta(ge=2, le=2**31 - 1)]
    revises: UUID
    because: RequestReason
    requested_at: Timestamp
    requested_by: Name
    why: Detail = ""
    clip: Clip | None = None
    clip_failure: ClipFailure | None = None
    clip_detail: Detail = ""
    frames: Annotated[tuple[Frame, ...], Meta(max_length=64)] = ()
    motion: Motion | None = None
