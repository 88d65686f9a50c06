"""An enriched event gains pictures: its clip is fetched and measured, or we say why not."""

from dataclasses import dataclass

from schemas.camera_events import Sighting
from schemas.clips import (
    CameraEventEnriched,
    Clip,
    ClipNotWanted,
    ClipOutcome,
    ClipReady,
    ClipUnavailable,
    Frame,
    Motion,
)
from streams import identity
from streams.policy import Skip, verdict
from streams.ports import ClipError, Clips, Decoded, Decoder, MediaStore, Outcomes, Picture
from streams.records import Output, Outputs, Received
from streams.topics import CLIPS
from streams.urls import shown

_DETAIL_MAX = 2000


@dataclass(frozen=True)
class FetchClips:
    """Effect: nothing is fetched for an event that policy skips or whose outcome the log holds."""

    clips: Clips
    decoder: Decoder
    media: MediaStore
    outcomes: Outcomes
    frames_max: int = 6

    async def __call__(self, received: Received[CameraEventEnriched]) -> Outputs:
        """What became of the clip; nothing when the log has the event's outcome already."""
        enriched = received.event
        outcome = identity.outcome_id(enriched.id)
        if outcome in await self.outcomes.known((outcome,)):
            return ()
        return (Output(CLIPS, await self._outcome(enriched), received.traceparent),)

    async def _outcome(self, enriched: CameraEventEnriched) -> ClipOutcome:
        skip = verdict(enriched)
        if skip is not None:
            return _not_wanted(enriched, skip)
        event = enriched.event
        url = event.clip_url if isinstance(event, Sighting) else None
        if url is None:
            error = ClipError("no_clip_named", "the event names no clip", attempts=0)
            return await self._unavailable(enriched, error)
        try:
            decoded = await self._decoded(url, self.frames_max)
        except ClipError as error:
            return await self._unavailable(enriched, error)
        return await self._ready(enriched, url, decoded)

    async def _decoded(self, url: str, frames_max: int) -> Decoded:
        async with self.clips.fetched(url) as path:
            return await self.decoder.decode(path, frames_max=frames_max)

    async def _ready(self, enriched: CameraEventEnriched, url: str, decoded: Decoded) -> ClipReady:
        return ClipReady(
            id=identity.follows(enriched.id, "clip"),
            camera_id=enriched.camera_id,
            timestamp=enriched.timestamp,
            correlation_id=enriched.correlation_id,
            enriched=enriched,
            clip=Clip(
                sha256=decoded.sha256,
                url=shown(url),
                size_bytes=decoded.size_bytes,
                duration_s=decoded.duration_s,
                width=decoded.width,
                height=decoded.height,
                truncated=decoded.truncated,
            ),
            frames=tuple([await self._frame(picture) for picture in decoded.pictures]),
            motion=decoded.motion,
        )

    async def _unavailable(
        self, enriched: CameraEventEnriched, error: ClipError
    ) -> ClipUnavailable:
        snapshot, motion, detail = await self._snapshot(enriched)
        return ClipUnavailable(
            id=identity.follows(enriched.id, "clip"),
            camera_id=enriched.camera_id,
            timestamp=enriched.timestamp,
            correlation_id=enriched.correlation_id,
            enriched=enriched,
            reason=error.reason,
            detail=_told(error.detail, detail),
            attempts=error.attempts,
            snapshot=snapshot,
            motion=motion,
        )

    async def _snapshot(
        self, enriched: CameraEventEnriched
    ) -> tuple[Frame | None, Motion | None, str]:
        """A still stands in for the clip; that it can't be had either is only a remark."""
        event = enriched.event
        url = event.snapshot_url if isinstance(event, Sighting) else None
        if url is None:
            return None, None, ""
        try:
            decoded = await self._decoded(url, 1)
        except ClipError as error:
            return None, None, f"; nor the snapshot: {error.reason}, {error.detail}"
        return await self._frame(decoded.pictures[0]), decoded.motion, ""

    async def _frame(self, picture: Picture) -> Frame:
        return Frame(
            sha256=await self.media.put(picture.jpeg),
            at_s=picture.at_s,
            width=picture.width,
            height=picture.height,
            size_bytes=len(picture.jpeg),
            dhash=picture.dhash,
        )


def _not_wanted(enriched: CameraEventEnriched, skip: Skip) -> ClipNotWanted:
    return ClipNotWanted(
        id=identity.follows(enriched.id, "clip"),
        camera_id=enriched.camera_id,
        timestamp=enriched.timestamp,
        correlation_id=enriched.correlation_id,
        enriched=enriched,
        reason=skip.reason,
        detail=skip.detail,
    )


def _told(*parts: str) -> str:
    """One bounded text; a file's name may hold bytes that are no UTF-8, which no wire carries."""
    text = "".join(parts).encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "")[:_DETAIL_MAX]
