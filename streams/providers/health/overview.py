"""How every provider is, for people: what a board says now, in the order of asking."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.providers import BlacklistChanged, BreakerState, Why
from streams.providers.health.board import Board, sentence


@dataclass(frozen=True)
class Overview:
    """One provider's health; `place` is its turn from 1, None when the order does not name it."""

    provider: str
    place: int | None
    breaker: BreakerState
    breaker_until: datetime | None
    breaker_why: Why | None
    blacklist: tuple[BlacklistChanged, ...]

    @property
    def well(self) -> bool:
        """Whether nothing keeps anybody from asking it."""
        return self.breaker == "closed" and not self.blacklist


@dataclass(frozen=True)
class Seat:
    """A provider that may be named here; `missing` is the variable whose key is not set."""

    name: str
    model: str
    local: bool
    missing: str | None = None


def words(one: Overview, missing: str | None, now: datetime) -> str:
    """How it is, as one would say it."""
    if missing:
        return f"passed over: {missing} is not set"
    if one.blacklist:
        return f"not asked: {sentence(one.blacklist[0])}"
    if one.breaker_why is not None:
        cause = one.breaker_why.detail or one.breaker_why.error_class or "it did not answer"
        if one.breaker_until is None or one.breaker_until <= now:
            return f"tried again with the next event: {cause}"
        return f"not asked until {one.breaker_until:%F %T} UTC: {cause}"
    return "asked in its turn" if one.place else "asked only when an order names it"


def overview(
    board: Board, known: Iterable[str], start: Sequence[str], now: datetime
) -> Iterator[Overview]:
    """Those of the order first, then the other known ones and any that the log speaks of."""
    switched = board.orders.switched
    order = tuple(switched.order if switched else start)
    spoken_of = {state.provider for state in board.states.all()} - {"*"}
    others = sorted({*known, *spoken_of, *board.orders.providers} - set(order))
    for place, name in enumerate((*order, *others), 1):
        record = board.breaker(name)
        closed = record is None or record.state == "closed"
        yield Overview(
            provider=name,
            place=place if name in order else None,
            breaker=record.state if record else "closed",
            breaker_until=record.until if record else None,
            breaker_why=record.why if record and not closed else None,
            blacklist=board.listed(name, now),
        )
