"""Clips and what was measured in them: `camera.clips.v1`. Pixels stay outside, hashes travel."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.event import Derived, Fact
from schemas.fields import Count, Detail, DHash, Seconds, Sha256, Share, Url

ClipFailure = Literal[
    "no_clip_named",  # the event names no clip; a snapshot it may name
    "not_found",  # 404, 410, no such file
    "forbidden",  # outside the allowed folders, a private address, a scheme we don't speak
    "refused",  # 401, 403
    "unreachable",  # refused, dropped, no such host, 5xx
    "timed_out",
    "empty",
    "too_large",
    "not_video",  # HTML, a picture, anything no decoder takes
    "corrupt",  # begins like a video and yields no frame
    "decoder_failed",  # the decoding process died or exceeded its limits
]

SkipReason = Literal[
    "policy_off",  # the camera is not described at all
    "policy_label",
    "policy_zone",
    "policy_hours",
    "camera_removed",
    "nothing_to_see",  # a connection change has no picture
]


class CameraEventEnriched(Derived, frozen=True, kw_only=True, tag="camera-event-enriched"):
    """A camera event together with its camera; `id` is the event's own id from here on."""

    event: CameraEvent
    camera: Camera


class Frame(Fact, frozen=True, kw_only=True):
    """One still picture (JPEG) in the media store, `at_s` seconds into the clip."""

    sha256: Sha256
    at_s: Seconds
    width: Count
    height: Count
    size_bytes: Count
    dhash: DHash | None = None


class Point(Fact, frozen=True, kw_only=True):
    """Where the middle of a region was, as shares of width and height, and when."""

    at_s: Seconds
    x: Share
    y: Share


class Track(Fact, frozen=True, kw_only=True):
    """One region that moved: its path, and its area as a share of the picture."""

    path: Annotated[tuple[Point, ...], Meta(min_length=1, max_length=32)]
    area_mean: Share
    area_max: Share
    box: tuple[Share, Share, Share, Share]
    """Of the moment when it was largest: x1, y1, x2, y2."""


class Motion(Fact, frozen=True, kw_only=True):
    """What the pixels of a clip show, measured while decoding.

    `still` when there was one picture.
    """

    still: bool
    measured_s: Seconds
    frames_measured: Count
    brightness: Share
    """Mean luma of the clip: 0 black, 1 white."""
    noise: Share
    """Mean luma difference of neighbouring frames where nothing moved."""
    tracks: Annotated[tuple[Track, ...], Meta(max_length=16)] = ()
    tracks_dropped: Count = 0


class Clip(Fact, frozen=True, kw_only=True):
    """The moving picture itself; `truncated` when it ended before its own length said so."""

    sha256: Sha256
    url: Url
    size_bytes: Count
    duration_s: Seconds
    width: Count
    height: Count
    truncated: bool = False


class ClipReady(Derived, frozen=True, kw_only=True, tag="clip-ready"):
    """The clip was fetched, decoded and measured; its frames are in the media store."""

    enriched: CameraEventEnriched
    clip: Clip
    frames: Annotated[tuple[Frame, ...], Meta(min_length=1, max_length=64)]
    motion: Motion


class ClipUnavailable(Derived, frozen=True, kw_only=True, tag="clip-unavailable"):
    """We asked for the clip until it made no sense to ask again.

    A still picture may stand in for it.
    """

    enriched: CameraEventEnriched
    reason: ClipFailure
    detail: Detail
    attempts: Count
    snapshot: Frame | None = None
    motion: Motion | None = None


class ClipNotWanted(Derived, frozen=True, kw_only=True, tag="clip-not-wanted"):
    """Policy says that nobody asks about this event, so nothing was fetched."""

    enriched: CameraEventEnriched
    reason: SkipReason
    detail: Detail = ""


ClipOutcome = ClipReady | ClipUnavailable | ClipNotWanted
