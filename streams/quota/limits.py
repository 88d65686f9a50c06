"""What is allowed, how much of it is taken, and what may be lent of the rest.

Windows are those of the calendar in UTC: an hour, a day, a month. A limit of `*` counts all
providers beyond the site together; a provider's own limits hold beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from streams.quota.amounts import WINDOWS, Amounts, Measure, Window, ends

EVERYBODY: Final = "*"

CHUNK_CALLS: Final = 16
"""A lease is for so many calls at most: with the database away that many can still be made."""

SHARE: Final = 8
"""A lease is at most this part of what is left, so that the end of a budget is shared fairly."""

WARNED_AT: Final = (75, 90)
"""Percent."""


@dataclass(frozen=True)
class Caps:
    """Limits of one window; `None`: none."""

    requests: int | None = None
    tokens: int | None = None
    cost_usd: Decimal | None = None

    @property
    def any(self) -> bool:
        """Whether it limits anything."""
        return any(cap is not None for cap in (self.requests, self.tokens, self.cost_usd))

    def of(self, measure: Measure) -> Decimal | None:
        """The limit of one measure."""
        caps = {"requests": self.requests, "tokens": self.tokens, "cost_usd": self.cost_usd}
        cap = caps[measure]
        return None if cap is None else Decimal(cap)


NO_CAPS: Final = Caps()


@dataclass(frozen=True)
class Place:
    """One window of one provider, or of all."""

    scope: str
    window: Window
    caps: Caps = NO_CAPS


@dataclass(frozen=True)
class Limits:
    """As they are set: of all providers beyond the site together, and by name."""

    together: Mapping[Window, Caps] = field(default_factory=dict)
    named: Mapping[str, Mapping[Window, Caps]] = field(default_factory=dict)

    def places(self, provider: str, *, local: bool) -> tuple[Place, ...]:
        """Every window that a call of this provider counts in; none when nothing limits it.

        What never leaves the site is limited only by name.
        """
        own = self.named.get(provider, {})
        scopes = [(provider, own)] if local else [(provider, own), (EVERYBODY, self.together)]
        places = tuple(
            Place(scope, window, caps.get(window, NO_CAPS))
            for scope, caps in scopes
            for window in WINDOWS
        )
        return places if any(place.caps.any for place in places) else ()


@dataclass(frozen=True)
class Counted:
    """What is taken of a window: spent, or lent to somebody who may spend it."""

    place: Place
    began: datetime
    taken: Amounts
    warned: Mapping[Measure, int] = field(default_factory=dict)

    @property
    def ends(self) -> datetime:
        """The first instant that is not in it."""
        return ends(self.place.window, self.began)

    def plus(self, more: Amounts) -> "Counted":
        """With more taken."""
        return replace(self, taken=self.taken + more)

    def calls(self, need: Amounts) -> Iterator[tuple[int, Measure]]:
        """For each limit: how many calls that need so much it still allows."""
        taken = dict(self.taken.measures)
        for measure, each in need.measures:
            cap = self.place.caps.of(measure)
            if cap is not None and each > 0:
                yield int((cap - taken[measure]) // each), measure
            elif cap is not None and taken[measure] > cap:
                yield 0, measure


@dataclass(frozen=True)
class Short:
    """A limit that does not allow one more call, and until when that is so."""

    scope: str
    window: Window
    measure: Measure
    limit: Decimal
    until: datetime


def lent(need: Amounts, counted: Sequence[Counted]) -> Amounts | Short:
    """What to lend to somebody whose next call needs so much: all windows allow it, or nothing."""
    least = CHUNK_CALLS * SHARE
    for one in counted:
        for calls, measure in one.calls(need):
            if calls < 1:
                place = one.place
                limit = place.caps.of(measure) or Decimal(0)
                return Short(place.scope, place.window, measure, limit, one.ends)
            least = min(least, calls)
    return need.times(max(1, least // SHARE))


@dataclass(frozen=True)
class Crossing:
    """A limit is used up to `percent`, as nobody was told before.

    `exhausted_at` None: not in this window, if spending goes on as it did.
    """

    counted: Counted
    at: datetime
    measure: Measure
    percent: int
    used: Decimal
    limit: Decimal
    exhausted_at: datetime | None


def crossings(counted: Counted, at: datetime) -> Iterator[Crossing]:
    """The highest percentage of each limit that is reached and was not told of."""
    for measure, used in counted.taken.measures:
        limit = counted.place.caps.of(measure)
        if not limit:
            continue
        reached = [percent for percent in WARNED_AT if used * 100 >= limit * percent]
        if reached and reached[-1] > counted.warned.get(measure, 0):
            then = exhausted_at(counted.began, at, used, limit)
            foreseen = then if then and then < counted.ends else None
            yield Crossing(counted, at, measure, reached[-1], used, limit, foreseen)


def exhausted_at(start: datetime, at: datetime, used: Decimal, limit: Decimal) -> datetime | None:
    """When a limit is used up if all goes on as it did since `start`; None: nothing was used."""
    if used <= 0:
        return None
    if used >= limit:
        return at
    return start + (at - start) * float(limit / used)
