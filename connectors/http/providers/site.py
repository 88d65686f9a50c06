"""What the routes about providers know, and whom they ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from connectors.http.errors import Refused
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.providers.health.overview import Seat
from streams.providers.orders import EVERY_KIND
from streams.queries import Unavailable
from streams.quota.limits import Place
from streams.quota.ports import BudgetStore

READ_TIMEOUT_S: Final = 3.0


def _now() -> datetime:
    return datetime.now(UTC)


async def _at_once() -> None:
    """Nothing has to be read first."""


@dataclass(frozen=True)
class Site:
    """A site's providers; somebody else keeps `board` in step with the log, and says when `ready`.

    `order` holds until an operator orders otherwise. `ready` raises Unavailable.
    """

    budgets: BudgetStore
    seats: Sequence[Seat] = ()
    order: Sequence[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    kinds: Sequence[str] = ()
    """Of prompts."""
    places: Sequence[Place] = ()
    """The windows of budgets."""
    board: Board = field(default_factory=lambda: Board(By("api", 0.0)))
    ready: Callable[[], Awaitable[None]] = _at_once
    now: Callable[[], datetime] = _now
    read_timeout_s: float = READ_TIMEOUT_S

    async def read(self) -> Board:
        """The board, once it knows what the log knew. Raises Unavailable."""
        try:
            async with asyncio.timeout(self.read_timeout_s):
                await self.ready()
        except TimeoutError as error:
            text = "what the log says of providers could not be read yet"
            raise Unavailable("kafka", text) from error
        return self.board

    def asked(self) -> Sequence[str]:
        """The order that holds now."""
        switched = self.board.orders.switched
        return switched.order if switched else self.order

    def known(self, name: str, field_: str) -> str:
        """A provider as the log calls it. Raises Refused."""
        found, names = self.aliases.get(name, name), [seat.name for seat in self.seats]
        if found not in names:
            text = f"{name[:100]!r}: no such provider; known are: {', '.join(names)}"
            raise Refused(422, text, field=field_)
        return found

    def known_kind(self, kind: str) -> str:
        """A kind of prompt, or `all`. Raises Refused."""
        kinds = (*self.kinds, EVERY_KIND)
        if kind not in kinds:
            text = f"{kind[:100]!r}: no such kind; known are: {', '.join(kinds)}"
            raise Refused(422, text, field="kind")
        return kind
