"""Takes up again what nobody could describe, when somebody can: the newest first, a few at a time.

Not a step: it reads the read model. One worker does it, that of slot 0. Its requests have ids that
follow from what they revise: what is requested twice has one row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from schemas.cameras import Camera
from streams import wire
from streams.ports import Cameras, Clock
from streams.providers.repairing import BY, Unrepaired, camera_of, request
from streams.queries import Publisher, Unavailable
from streams.records import Output
from streams.topics import ANALYSIS_REQUESTS

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
LOOKED_AT: Final = 500
"""What nobody can be asked about, or is under way, must not hide what stands behind it."""

UNDER_WAY: Final = timedelta(minutes=10)


@dataclass
class Repair:
    """`can_ask` says whether any provider would take an event of that camera now."""

    unrepaired: Unrepaired
    cameras: Cameras
    can_ask: Callable[[Camera], bool]
    publisher: Publisher
    clock: Clock
    _requested: dict[UUID, datetime] = field(default_factory=dict, init=False)
    """Requests of late: what is under way is not asked for again."""

    async def run(self, every_s: float) -> None:
        """Until cancelled. What is away now is asked again the next time."""
        while True:
            await self.clock.sleep(every_s)
            try:
                requested = await self.once()
            except Unavailable as error:
                log.warning("repair.away", error=str(error))
            else:
                if requested:
                    log.info("repair.requested", events=requested)

    async def once(self) -> int:
        """How many events were asked to be analysed again. Raises Unavailable."""
        now, requested = self.clock.now(), 0
        self._requested = {id_: at for id_, at in self._requested.items() if now - at < UNDER_WAY}
        for found in await self.unrepaired.unanswered(now, LOOKED_AT):
            camera = self.cameras.find(found.event.camera_id) or camera_of(found.event)
            wanted = request(found, camera, now)
            if wanted.id in self._requested or not self.can_ask(camera):
                continue
            await self.publisher.publish(wire.encoded(BY, Output(ANALYSIS_REQUESTS, wanted)))
            self._requested[wanted.id] = now
            requested += 1
            if requested == AT_ONCE:
                break
        return requested
