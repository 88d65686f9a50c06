"""Who is asked, in which order: by settings, by an operator's order, by a camera's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from streams.ports import Cameras
from streams.providers.orders import Orders
from streams.providers.ports import Candidates, Missing, Provider


@dataclass(frozen=True)
class OrderedRoster:
    """Implements `streams.providers.ports.Roster`; `start` holds until somebody orders otherwise.

    Names that nobody has here are passed over; if none is left, the order is.
    """

    known: Mapping[str, Provider | Missing]
    start: Sequence[str]
    orders: Orders
    cameras: Cameras

    def candidates(self, camera_id: UUID) -> Candidates:
        """For an event of this camera, now."""
        camera, switched = self.cameras.find(camera_id), self.orders.switched
        wanted = (camera.provider_order if camera else None, switched and switched.order)
        for order in (*wanted, self.start):
            if found := tuple(self.known[name] for name in order or () if name in self.known):
                return found
        return ()
