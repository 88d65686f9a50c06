"""The way to what all workers share: their states and the commands, on the log."""

from collections.abc import Callable
from typing import Protocol

from schemas.commands import Commands
from schemas.providers import ProviderStates


class SharedLog(Protocol):
    """Reads states and commands from their beginning, in order, and goes on; writes states."""

    async def append(self, state: ProviderStates) -> None:
        """Returns when the log has it; it is read back like anybody's. Raises Unavailable."""
        ...

    async def follow(
        self, states: Callable[[ProviderStates], None], commands: Callable[[Commands], None]
    ) -> None:
        """Hands over every record, committed ones only, until cancelled.

        After trouble it may begin anew: the same records come again.
        """
        ...

    async def ready(self) -> None:
        """Returns when everything that was there at first is read."""
        ...
