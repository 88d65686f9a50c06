"""Spends what it was lent: budget is leased for several calls, promised to each, settled after.

Only a new lease needs the database. With the database away what is lent can still be spent; then
the provider is not called, and the attempt says why. Nothing else stops.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from schemas.commands import Commands, ResetQuota
from streams.ports import Clock, StoreAway
from streams.providers.ports import (
    Provider,
    ProviderError,
    Question,
    Refusal,
    Reply,
    Reservation,
)
from streams.providers.prices import PriceList
from streams.quota.amounts import NOTHING, Amounts
from streams.quota.chunk import Chunk, Lease
from streams.quota.estimates import estimate, unpriced, used
from streams.quota.limits import EVERYBODY, Crossing, Limits, Place, Short, crossings
from streams.quota.ports import BegunCalls, BudgetStore, HourUsed, Terms

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
RECONCILE_EVERY_S: Final = 10.0
HOURS_EVERY_S: Final = 60.0
AWAY_S: Final = 1.0
"""After the database was away, nobody waits for it for so long."""

END_S: Final = 0.25
"""A lease that ends so soon is not used: its call would begin in a window that did not count it."""


RESETS_MATTER: Final = timedelta(days=31)
"""An older command is about windows that are over."""


async def _tell_nobody(_: object) -> None:
    return


@dataclass(frozen=True)
class Told:
    """Who hears of what is spent."""

    crossing: Callable[[Crossing], Awaitable[None]] = _tell_nobody
    hour: Callable[[HourUsed], Awaitable[None]] = _tell_nobody
    """Each may raise StoreAway, and then hears of it again."""


@dataclass(frozen=True)
class _Promise:
    provider: Provider
    most: Amounts
    at: datetime


@dataclass
class LeasedBudgets:
    """Implements `streams.providers.ports.Budgets` for one worker."""

    limits: Limits
    prices: PriceList
    store: BudgetStore
    begun: BegunCalls
    clock: Clock
    worker: str
    terms: Terms = field(default_factory=Terms)
    told: Told = field(default_factory=Told)
    _current: dict[str, Chunk] = field(default_factory=dict)
    _retired: dict[UUID, Chunk] = field(default_factory=dict)
    _promises: dict[UUID, _Promise] = field(default_factory=dict)
    _crossings: list[Crossing] = field(default_factory=list)
    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _resets: list[ResetQuota] = field(default_factory=list)
    _giving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _away_until: float = 0.0

    async def reserve(
        self, provider: Provider, question: Question, attempt_id: UUID
    ) -> Reservation | Refusal:
        """Before a call: from what is lent, or from a new lease."""
        places = self.limits.places(provider.name, local=provider.profile.local)
        if not places or not provider.profile.network:
            return Reservation(attempt_id, provider.name, 0, None)
        now = self.clock.now()
        guess = estimate(provider, question, self.prices, now)
        refusal = None if guess.priced else unpriced(provider, places)
        if refusal:
            return refusal
        async with self._locks[provider.name]:
            try:
                chunk = await self._with(provider.name, places, attempt_id, guess.most)
            except StoreAway as error:
                self._away_until = self.clock.monotonic() + AWAY_S
                detail = f"limits can't be checked and nothing lent is left: {error}"
                return Refusal("quota", detail, "quota")
        if isinstance(chunk, Short):
            return _refusal(chunk)
        self._promises[attempt_id] = _Promise(provider, guess.most, now)
        return Reservation(
            attempt_id,
            provider.name,
            guess.most.tokens,
            guess.most.cost_usd if guess.priced else None,
            chunk.lease.id,
            chunk.lease.ends,
        )

    async def settle(self, reservation: Reservation, result: Reply | ProviderError | None) -> None:
        """After a call: the difference comes back, or is missing for the next ones."""
        promise = self._promises.pop(reservation.attempt_id, None)
        if promise is None or reservation.lease_id is None:
            return
        spent = NOTHING
        if result is not None:
            cost = self.prices.cost(promise.provider, result, promise.at)
            spent = used(promise.most, result, cost.usd)
        chunk = self._current.get(reservation.provider)
        if chunk and chunk.lease.id == reservation.lease_id:
            settled = chunk.settled(reservation.attempt_id, spent)
            self._current[reservation.provider] = settled
        elif retired := self._retired.get(reservation.lease_id):
            settled = retired.settled(reservation.attempt_id, spent)
            self._retired[reservation.lease_id] = settled

    async def _with(
        self, provider: str, places: tuple[Place, ...], call: UUID, need: Amounts
    ) -> Chunk | Short:
        """The chunk that the call is promised its need from. Raises StoreAway."""
        while True:
            now = self.clock.monotonic()
            chunk = self._current.get(provider)
            if chunk:
                found = chunk.reserved(call, need) if now + END_S < chunk.lease.ends else None
                if found:
                    self._current[provider] = found
                    return found
                self._retire(provider)
            if now < self._away_until:
                raise StoreAway("the database was away a moment ago")
            await self._give_back()
            granted = await self.store.lease(provider, self.worker, places, need, self.terms)
            if isinstance(granted, Short):
                return granted
            for counted in granted.counted:
                self._crossings += crossings(counted, granted.at)
            ends = now + granted.lasts_s
            self._current[provider] = Chunk(Lease(granted.id, provider, granted.amounts, ends))
            if granted.lasts_s <= END_S:
                await self.clock.sleep(granted.lasts_s)  # the next hour counts the call

    def _retire(self, provider: str) -> None:
        chunk = self._current.pop(provider)
        self._retired[chunk.lease.id] = chunk

    async def _give_back(self) -> None:
        """What retired chunks don't need any more. Raises StoreAway."""
        async with self._giving:
            for lease_id, chunk in list(self._retired.items()):
                closes = not chunk.promised
                if closes or chunk.left != NOTHING:
                    await self.store.keep(lease_id, chunk.kept, closes=closes)
                if closes:
                    del self._retired[lease_id]
                else:  # some of its calls may have been settled meanwhile
                    now = self._retired[lease_id]
                    self._retired[lease_id] = replace(now, lease=chunk.shrunk().lease)

    async def keep(
        self, *, look_every_s: float = LOOK_EVERY_S, reconcile_every_s: float = RECONCILE_EVERY_S
    ) -> None:
        """Gives back, tells and looks after the lost, as long as the worker lives."""
        reconciled = hours = self.clock.monotonic()
        while True:
            await self.clock.sleep(look_every_s)
            now = self.clock.monotonic()
            try:
                await self.look()
                if now - reconciled >= reconcile_every_s:
                    reconciled = now
                    await self.reconcile()
                if now - hours >= HOURS_EVERY_S:
                    hours = now
                    await self._tell_hours()
            except StoreAway as error:
                log.warning("budgets.away", error=str(error))

    def heed(self, command: Commands) -> None:
        """Takes a command from the log; whoever is first obeys it, and nobody twice."""
        if not isinstance(command, ResetQuota) or command.provider == EVERYBODY:
            return
        if self.clock.now() - command.issued_at < RESETS_MATTER:
            self._resets.append(command)

    async def look(self) -> None:
        """Gives back what is over, tells of limits that are nearly used up. Raises StoreAway."""
        now = self.clock.monotonic()
        for provider, chunk in list(self._current.items()):
            if now + END_S >= chunk.lease.ends and not self._locks[provider].locked():
                self._retire(provider)
        await self._give_back()
        while self._resets:
            command = self._resets[0]
            if await self.store.reset(command.id, command.provider, command.issued_at):
                log.info("budgets.reset", provider=command.provider, by=command.issued_by)
            self._resets.pop(0)
        while self._crossings:
            await self.told.crossing(self._crossings[0])
            await self.store.warned(self._crossings.pop(0))

    async def reconcile(self) -> None:
        """Takes back what dead workers had and did not begin to spend. Raises StoreAway."""
        lost = await self.store.lost()
        if not lost:
            return
        spent = await self.begun.used(lost)
        for lease in lost:
            log.warning("budgets.reconciled", provider=lease.provider, lease=str(lease.id))
            await self.store.keep(lease.id, spent[lease.id], closes=True)

    async def _tell_hours(self) -> None:
        for hour in await self.store.hours():
            await self.told.hour(hour)
            await self.store.told(hour)

    async def close(self) -> None:
        """Gives everything back that is not promised; the database away, its time will run out."""
        for provider in list(self._current):
            self._retire(provider)
        try:
            await self._give_back()
        except StoreAway as error:
            log.warning("budgets.not_given_back", error=str(error))


def _refusal(short: Short) -> Refusal:
    who = "all providers together" if short.scope == EVERYBODY else short.scope
    what = {"requests": "requests", "tokens": "tokens", "cost_usd": "US dollars"}[short.measure]
    limit = format(short.limit.normalize(), "f") if short.limit else Decimal(0)
    detail = (
        f"{who}: the limit of {limit} {what} a {short.window} leaves no room for this call "
        f"until {short.until.isoformat().replace('+00:00', 'Z')}"
    )
    return Refusal("quota", detail, "quota")
