"""Budgets in memory: the twin of PostgreSQL's, for tests and simulation."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from streams.ports import StoreAway
from streams.quota.amounts import NOTHING, WINDOWS, Amounts, Measure, Window, began, ends
from streams.quota.limits import EVERYBODY, Counted, Crossing, Place, Short, lent
from streams.quota.ports import Granted, HourUsed, Lost, Standing, Terms

Key = tuple[str, Window, datetime]

AGAIN: timedelta = timedelta(seconds=30)


@dataclass(frozen=True)
class _Open:
    lost: Lost
    scopes: frozenset[str]
    granted_at: datetime
    lost_at: datetime

    def counts_in(self, scope: str, window: Window, start: datetime) -> bool:
        return scope in self.scopes and began(window, self.granted_at) == start


@dataclass
class MemoryBudgets:
    """Implements `streams.quota.ports.BudgetStore`; `away` says so to everybody who asks."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    away: bool = False
    taken: dict[Key, Amounts] = field(default_factory=dict)
    _leases: dict[UUID, _Open] = field(default_factory=dict)
    _warned: dict[Key, dict[Measure, int]] = field(default_factory=dict)
    _told: set[Key] = field(default_factory=set)
    _resets: set[UUID] = field(default_factory=set)

    async def lease(
        self, provider: str, worker: str, places: Sequence[Place], need: Amounts, terms: Terms
    ) -> Granted | Short:
        """Lends budget for at least one call, in all windows or in none."""
        del worker
        self._reach()
        at, counted = self.now(), self._counted(places)
        grant = lent(need, counted)
        if isinstance(grant, Short):
            return grant
        lasts_s = min(terms.use_s, (ends("hour", began("hour", at)) - at).total_seconds())
        lease = _Open(
            Lost(uuid4(), provider, grant, {}),
            frozenset(place.scope for place in places),
            at,
            at + timedelta(seconds=lasts_s + terms.grace_s),
        )
        self._leases[lease.lost.id] = lease
        self._take(lease, grant)
        return Granted(lease.lost.id, grant, lasts_s, at, [one.plus(grant) for one in counted])

    async def keep(self, lease_id: UUID, amounts: Amounts, *, closes: bool) -> None:
        """Takes back all but `amounts` of a lease; closed, those are spent."""
        self._reach()
        lease = self._leases.get(lease_id)
        if lease is None:
            return
        self._take(lease, amounts - lease.lost.granted)
        if closes:
            del self._leases[lease_id]
        else:
            self._leases[lease_id] = replace(lease, lost=replace(lease.lost, granted=amounts))

    async def lost(self) -> Collection[Lost]:
        """Leases whose time is over; nobody else is told of them for a while."""
        self._reach()
        over = [(id_, lease) for id_, lease in self._leases.items() if lease.lost_at <= self.now()]
        for lease_id, lease in over:
            self._leases[lease_id] = replace(lease, lost_at=self.now() + AGAIN)
        return [lease.lost for _, lease in over]

    async def warned(self, crossing: Crossing) -> None:
        """Remembers that somebody was told."""
        self._reach()
        told = self._warned.setdefault(_key(crossing.counted), {})
        told[crossing.measure] = max(told.get(crossing.measure, 0), crossing.percent)

    async def hours(self) -> Collection[HourUsed]:
        """Hours that are over and were not told of."""
        self._reach()
        return [
            HourUsed(scope, start, used)
            for (scope, window, start), used in self.taken.items()
            if window == "hour"
            and scope != EVERYBODY
            and used.requests > 0
            and (scope, window, start) not in self._told
            and ends(window, start) <= self.now()
            and not list(self._open(scope, window, start))
        ]

    async def told(self, hour: HourUsed) -> None:
        """Remembers that an hour was told of."""
        self._reach()
        self._told.add((hour.provider, "hour", hour.began))

    async def reset(self, command_id: UUID, provider: str, at: datetime) -> bool:
        """Counts a provider from now on, in the windows around `at`; what is lent stays lent."""
        self._reach()
        if command_id in self._resets:
            return False
        self._resets.add(command_id)
        for window in WINDOWS:
            start = began(window, at)
            own: Key = (provider, window, start)
            spent = self.taken.get(own, NOTHING) - _sum(self._open(*own))
            for key in (own, (EVERYBODY, window, start)):
                if key in self.taken:
                    self.taken[key] -= spent
        return True

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """How these windows stand now."""
        self._reach()
        return [Standing(one, _sum(self._open(*_key(one)))) for one in self._counted(places)]

    def _reach(self) -> None:
        if self.away:
            raise StoreAway("budgets: away")

    def _counted(self, places: Sequence[Place]) -> Sequence[Counted]:
        found = []
        for place in sorted(places, key=lambda place: (place.scope, place.window)):
            key: Key = (place.scope, place.window, began(place.window, self.now()))
            warned: Mapping[Measure, int] = self._warned.get(key, {})
            found.append(Counted(place, key[2], self.taken.get(key, NOTHING), warned))
        return found

    def _take(self, lease: _Open, more: Amounts) -> None:
        for scope in lease.scopes:
            for window in WINDOWS:
                key: Key = (scope, window, began(window, lease.granted_at))
                self.taken[key] = self.taken.get(key, NOTHING) + more

    def _open(self, scope: str, window: Window, start: datetime) -> Iterator[Amounts]:
        for lease in self._leases.values():
            if lease.counts_in(scope, window, start):
                yield lease.lost.granted


def _key(one: Counted) -> Key:
    return one.place.scope, one.place.window, one.began


def _sum(amounts: Iterator[Amounts]) -> Amounts:
    return sum(amounts, NOTHING)
