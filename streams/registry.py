"""The registry's fold: the newest state of every camera, from a compacted topic."""

from uuid import UUID

from schemas.cameras import Camera, CameraRegistered
from streams import identity


def registered(event: CameraRegistered, version: int) -> Camera:
    """The camera as the registry's record at offset `version` describes it."""
    return Camera(
        id=identity.camera_id(event.source, event.camera_id),
        source=event.source,
        source_id=event.camera_id,
        name=event.name,
        site=event.site,
        zones=event.zones,
        privacy=event.privacy,
        policy=event.policy,
        provider_order=event.provider_order,
        registered=True,
        removed=event.removed,
        registry_version=version,
    )


class Registry:
    """All cameras by id; applying a record twice, or an older one later, changes nothing."""

    def __init__(self) -> None:
        self._cameras: dict[UUID, Camera] = {}

    def apply(self, event: CameraRegistered, version: int) -> None:
        """Folds one record of the topic; versions of one camera come from one partition."""
        camera = registered(event, version)
        known = self._cameras.get(camera.id)
        if known is None or (known.registry_version or 0) < version:
            self._cameras[camera.id] = camera

    def find(self, camera_id: UUID) -> Camera | None:
        """The camera as the registry knows it now."""
        return self._cameras.get(camera_id)
