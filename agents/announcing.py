"""Says in the log that a call begins, before it is made and outside any transaction.

What a transaction holds is seen only when the call is over, and never when its worker dies.
"""

from dataclasses import dataclass
from typing import Final

from schemas.attempts import AttemptBegun
from streams import wire
from streams.ports import StoreAway
from streams.queries import Publisher, Unavailable
from streams.records import Output
from streams.topics import AI_ATTEMPTS

STEP: Final = "describe"


@dataclass(frozen=True)
class LoggedAnnouncements:
    """Implements `streams.providers.ports.Announcements`."""

    publisher: Publisher

    async def begun(self, attempt: AttemptBegun) -> None:
        """Returns when the broker has it. Raises StoreAway."""
        try:
            await self.publisher.publish(wire.encoded(STEP, Output(AI_ATTEMPTS, attempt, None)))
        except Unavailable as error:
            raise StoreAway(str(error)) from error
