"""Requests, tokens and dollars: what a call uses, what a limit allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

Measure = Literal["requests", "tokens", "cost_usd"]
Window = Literal["hour", "day", "month"]
WINDOWS: Final[tuple[Window, ...]] = ("hour", "day", "month")


@dataclass(frozen=True)
class Amounts:
    """Tokens are input and output together; dollars are exact."""

    requests: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.cost_usd + other.cost_usd,
        )

    def __sub__(self, other: "Amounts") -> "Amounts":
        return self + other.times(-1)

    def times(self, count: int) -> "Amounts":
        """So many of them."""
        return Amounts(self.requests * count, self.tokens * count, self.cost_usd * count)

    def covers(self, other: "Amounts") -> bool:
        """Whether `other` can be taken from this, of every measure."""
        return (
            self.requests >= other.requests
            and self.tokens >= other.tokens
            and self.cost_usd >= other.cost_usd
        )

    @property
    def measures(self) -> Iterator[tuple[Measure, Decimal]]:
        """Each measure and how much of it."""
        yield "requests", Decimal(self.requests)
        yield "tokens", Decimal(self.tokens)
        yield "cost_usd", self.cost_usd


NOTHING: Final = Amounts()
ONE_REQUEST: Final = Amounts(requests=1)


def began(window: Window, at: datetime) -> datetime:
    """When the window around `at` began, in UTC."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    if window == "hour":
        return hour
    day = hour.replace(hour=0)
    return day if window == "day" else day.replace(day=1)


def ends(window: Window, start: datetime) -> datetime:
    """When a window that began at `start` ends."""
    if window == "hour":
        return start + timedelta(hours=1)
    if window == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=32)).replace(day=1)
