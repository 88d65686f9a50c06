"""Cameras as the business speaks of them: `camera.registry.v1` and inside other words."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.event import Event, Fact, check_time
from schemas.fields import Detail, Labels, Name, NativeId, Share, Source, Timestamp, Zones

TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
ProviderOrder = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=32)]
PrivacyClass = Literal["any", "local-only"]


class Zone(Fact, frozen=True, kw_only=True):
    """A named part of the picture; the polygon's points are shares of width and height."""

    name: Name
    polygon: Annotated[tuple[tuple[Share, Share], ...], Meta(min_length=3, max_length=64)]


class Hours(Fact, frozen=True, kw_only=True):
    """A daily span of local time; `start` after `end` spans midnight, equal ones span the day."""

    start: TimeOfDay
    end: TimeOfDay
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"


class Policy(Fact, frozen=True, kw_only=True):
    """Which events of a camera are described; `None` means any.

    An event passes when the camera is described at all, one of its labels is wanted, one of its
    zones is wanted and it began within the hours.
    """

    describe: bool = True
    labels: Labels | None = None
    zones: Zones | None = None
    hours: Hours | None = None


class Camera(Fact, frozen=True, kw_only=True):
    """A camera as every later word carries it.

    `registry_version` is the registry record's offset.
    """

    id: UUID
    source: Source
    source_id: NativeId
    name: Name
    site: Detail = ""
    zones: Annotated[tuple[Zone, ...], Meta(max_length=32)] = ()
    privacy: PrivacyClass = "any"
    policy: Policy = Policy()
    provider_order: ProviderOrder | None = None
    """Who is asked about this camera, instead of the order that holds for all."""
    registered: bool = False
    removed: bool = False
    registry_version: int | None = None


class CameraRegistered(Event, frozen=True, kw_only=True, tag="camera-registered"):
    """The full state of a camera in the registry; `removed` marks, nothing is ever deleted.

    The record's key is the camera's id (a UUID, see `streams.identity.camera_id`), so that the
    compacted topic keeps the newest state of each.
    """

    camera_id: NativeId
    source: Source
    timestamp: Timestamp
    name: Name
    site: Detail = ""
    zones: Annotated[tuple[Zone, ...], Meta(max_length=32)] = ()
    privacy: PrivacyClass = "any"
    policy: Policy = Policy()
    provider_order: ProviderOrder | None = None
    removed: bool = False

    def __post_init__(self) -> None:
        check_time("timestamp", self.timestamp)
