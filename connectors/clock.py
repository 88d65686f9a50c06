"""The machine's time."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `streams.ports.Clock`."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits on the event loop."""
        await asyncio.sleep(seconds)
