"""What lies between clients and servers in memory: nothing, unless a simulation puts trouble there.

A server's state changes in one synchronous call; what may take long, get lost or come too late are
the request and its answer.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

R = TypeVar("R")


class Unclear(Exception):  # noqa: N818  # a state of knowledge
    """No answer came: what was asked for is done, or will be, or never."""


class Network(Protocol):
    """One client's way to its servers and back."""

    async def call(self, asked: Callable[[], R]) -> R:
        """Has the server do this; raises what it raises, and Unclear when no answer comes."""
        ...

    def tell(self, heard: Callable[[], None]) -> None:
        """Has the client hear this, now or later."""
        ...


class Calm:
    """Everything arrives at once."""

    async def call(self, asked: Callable[[], R]) -> R:
        """See the port."""
        return asked()

    def tell(self, heard: Callable[[], None]) -> None:
        """See the port."""
        heard()


CALM: Final = Calm()
