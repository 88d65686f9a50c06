"""Who looks after budgets in a worker: what it leases from, what it reads after a death."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agents.budgets import LeasedBudgets, Told
from connectors.kafka.clients import Cluster
from connectors.kafka.log.begun_calls import LoggedCalls
from connectors.postgres.budgets import PostgresBudgets
from infra.providers import roster
from infra.settings import Settings
from infra.spending import price_file
from schemas.providers import ProviderStates
from streams.control import records
from streams.ports import Clock, StoreAway
from streams.queries import Publisher, Unavailable
from streams.quota import words
from streams.quota.limits import Crossing, Limits, Place
from streams.quota.ports import HourUsed


@dataclass(frozen=True)
class Kept:
    """Budgets, and the task that looks after them."""

    budgets: LeasedBudgets
    store: PostgresBudgets
    keeping: asyncio.Task[None]

    async def close(self) -> None:
        """Gives everything back that is not spent."""
        self.keeping.cancel()
        await asyncio.gather(self.keeping, return_exceptions=True)
        await self.budgets.close()
        await self.store.close()


def limits_of(settings: Settings) -> Limits:
    """As they are set. Raises UnknownProvider: a misspelt name would be a limit of nobody."""
    known = roster.names(settings)
    for name in settings.limits.named:
        if name not in known:
            text = f"VIDETTE_PROVIDER_LIMITS names {name!r}; known are: {', '.join(known)}"
            raise roster.UnknownProvider(text)
    return settings.limits


def places(settings: Settings) -> tuple[Place, ...]:
    """Every window of every provider that may be asked; each once. Raises UnknownProvider."""
    found, limits = dict[Place, None](), limits_of(settings)
    for seat in roster.seats(settings):
        found.update(dict.fromkeys(limits.places(seat.name, local=seat.local)))
    return tuple(found)


@dataclass(frozen=True)
class Spending:
    """What budgets of a worker are made of; reaches nothing yet."""

    settings: Settings
    database_url: str
    kafka: Cluster
    publisher: Publisher
    worker: str

    def keep(self, clock: Clock, ended: Callable[[asyncio.Task[None]], None]) -> Kept:
        """Looks after them; `ended` hears when nobody does any more. Raises UnknownProvider."""
        store = PostgresBudgets(self.database_url)
        told = Told(self._warn, self._sum_up)
        limits, begun = limits_of(self.settings), LoggedCalls(self.kafka)
        budgets = LeasedBudgets(
            limits, price_file.read(), store, begun, clock, self.worker, told=told
        )
        keeping = asyncio.create_task(budgets.keep())
        keeping.add_done_callback(ended)
        return Kept(budgets, store, keeping)

    async def _warn(self, crossing: Crossing) -> None:
        await self._publish(words.warned(crossing, self.worker))

    async def _sum_up(self, hour: HourUsed) -> None:
        await self._publish(words.used(hour, self.worker))

    async def _publish(self, state: ProviderStates) -> None:
        try:
            await self.publisher.publish(records.state(state))
        except Unavailable as error:
            raise StoreAway(str(error)) from error
