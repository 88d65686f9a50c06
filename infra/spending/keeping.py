"""Who looks after budgets in a worker: what it leases from, what it reads after a death."""

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from agents.budgets import LeasedBudgets
from connectors.kafka.clients import Cluster
from connectors.kafka.log.begun_calls import LoggedCalls
from connectors.postgres.budgets import PostgresBudgets
from infra.settings import Settings
from infra.spending import price_file
from streams.ports import Clock


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


def keep(
    settings: Settings,
    database_url: str,
    kafka: Cluster,
    clock: Clock,
    ended: Callable[[asyncio.Task[None]], None],
) -> Kept:
    """Reaches nothing yet. `ended` hears when nobody looks after them any more."""
    store = PostgresBudgets(database_url)
    worker = f"{socket.gethostname()}/{os.getpid()}/{settings.slot}"
    begun, prices = LoggedCalls(kafka), price_file.read()
    budgets = LeasedBudgets(settings.limits, prices, store, begun, clock, worker)
    keeping = asyncio.create_task(budgets.keep())
    keeping.add_done_callback(ended)
    return Kept(budgets, store, keeping)
