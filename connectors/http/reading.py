"""Routes that read: cameras, events page by page, one event with its reasons, one frame."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from connectors.http.cursor import cursor, place
from connectors.http.errors import Refused, documented
from connectors.http.models import Camera, Cameras, Event, Events, EventSummary, Frame
from streams.identity import outcome_id
from streams.ports import MediaStore
from streams.queries import EventDetail, EventFilter, OutcomeName, Page, Place, Reads

JPEG_START = b"\xff\xd8\xff"
FRAME_CACHING = "private, max-age=31536000, immutable"


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        text = "lies outside of the calendar"
        raise ValueError(text) from error


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Text = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
"""PostgreSQL's texts can't hold a NUL."""


class EventsQuery(BaseModel):
    """Parameters of a page; one that nobody knows is refused, because it was meant to filter."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    camera: Annotated[UUID | None, Field(description="Of this camera.")] = None
    outcome: OutcomeName | None = None
    provider: Annotated[Text | None, Field(examples=["openai"])] = None
    label: Annotated[Text | None, Field(examples=["person"])] = None
    model: Annotated[Text | None, Field(examples=["yolo11n-640"])] = None
    since: Annotated[
        Moment | None, Field(alias="from", description="Happened at this time or later.")
    ] = None
    until: Annotated[Moment | None, Field(alias="to", description="Happened before.")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[
        str | None, Field(max_length=64, description="`next_cursor` of the page before.")
    ] = None


def routes(reads: Reads) -> APIRouter:
    """Routes that read the read model."""
    router = APIRouter(prefix="/api/v1", tags=["reading"])

    @router.get("/cameras", summary="All cameras", responses=documented(503))
    async def cameras() -> Cameras:
        """Cameras of the registry, and those that were heard from without being registered."""
        rows = await reads.cameras()
        return Cameras(items=tuple(Camera.model_validate(row) for row in rows))

    @router.get("/events", summary="Events, newest first", responses=documented(422, 503))
    async def events(query: Annotated[EventsQuery, Query()]) -> Events:
        """A page of what became of camera events and inference results.

        Pages of one walk neither repeat nor leave out what was there when the walk began.
        """
        after = place(query.cursor) if query.cursor is not None else None
        rows = await reads.events(_wanted(query), Page(limit=query.limit + 1, after=after))
        shown = rows[: query.limit]
        more = len(rows) > query.limit
        return Events(
            items=tuple(EventSummary.model_validate(row) for row in shown),
            next_cursor=cursor(Place(shown[-1].timestamp, shown[-1].id)) if more else None,
        )

    @router.get(
        "/events/{id}", summary="One event and its reasons", responses=documented(404, 422, 503)
    )
    async def event(id: UUID) -> Event:  # noqa: A002  # the path's own name for it
        """By its own id, or by that of the camera event, with attempts, clip and frames."""
        found = await reads.event(id) or await reads.event(outcome_id(id))
        if found is None:
            raise Refused(404, f"no event has the id {id}")
        return _explained(found)

    return router


def pictures(media: MediaStore) -> APIRouter:
    """The route that shows frames."""
    router = APIRouter(prefix="/api/v1", tags=["reading"])

    @router.get(
        "/frames/{hash}",
        summary="One frame",
        response_class=Response,
        responses={
            **documented(404, 422, 503),
            200: {
                "description": "A JPEG; it never changes, so it may be kept for ever.",
                "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
            },
            304: {"description": "As you know it."},
        },
    )
    async def frame(
        sha256: Annotated[
            str, Path(alias="hash", pattern="^[0-9a-f]{64}$", description="SHA-256, hexadecimal.")
        ],
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """A picture by its hash, as `frames` of an event name it."""
        caching = {"cache-control": FRAME_CACHING, "etag": f'"{sha256}"'}
        content = await media.get(sha256)
        # The store keeps other bytes too, such as values too large for a dead letter.
        if content is None or not content.startswith(JPEG_START):
            raise Refused(404, f"there is no frame {sha256}")
        if if_none_match and sha256 in if_none_match:
            return Response(status_code=304, headers=caching)
        return Response(content, media_type="image/jpeg", headers=caching)

    return router


def _wanted(query: EventsQuery) -> EventFilter:
    return EventFilter(
        camera=query.camera,
        outcome=query.outcome,
        provider=query.provider,
        label=query.label,
        model=query.model,
        since=query.since,
        until=query.until,
    )


def _explained(found: EventDetail) -> Event:
    frames = found.clip.frames if found.clip else ()
    return Event.model_validate(
        {
            **vars(found.event),
            "attempts": found.attempts,
            "clip": found.clip,
            "frames": [Frame.model_validate(frame) for frame in frames],
        }
    )
