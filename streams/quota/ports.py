"""Where budgets are kept for all workers, and who knows which calls were begun."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from streams.quota.amounts import Amounts
from streams.quota.limits import Counted, Crossing, Place, Short


@dataclass(frozen=True)
class Terms:
    """How long a lease is used, and how long after that its calls may take to be settled.

    Then its worker is taken for dead. The grace is longer than any call, its announcement included.
    """

    use_s: float = 60.0
    grace_s: float = 150.0


@dataclass(frozen=True)
class Granted:
    """A lease; `lasts_s` from the moment it was asked for, by the database's clock."""

    id: UUID
    amounts: Amounts
    lasts_s: float
    at: datetime
    counted: Sequence[Counted]
    """Every window it is counted in, this lease included."""


@dataclass(frozen=True)
class Lost:
    """A lease that was not closed in time; `log_from`: its calls are in the log from there on."""

    id: UUID
    provider: str
    granted: Amounts
    log_from: Mapping[int, int]


@dataclass(frozen=True)
class HourUsed:
    """What a provider used in an hour that is over, with nothing lent any more."""

    provider: str
    began: datetime
    used: Amounts


@dataclass(frozen=True)
class Standing:
    """How a window stands: `taken` of it is `lent` to workers who may still give it back."""

    counted: Counted
    lent: Amounts


class BudgetStore(Protocol):
    """What is taken of every window, and by whom. Every method raises StoreAway."""

    async def lease(
        self, provider: str, worker: str, places: Sequence[Place], need: Amounts, terms: Terms
    ) -> Granted | Short:
        """Lends budget for at least one call, in all windows or in none."""
        ...

    async def keep(self, lease_id: UUID, amounts: Amounts, *, closes: bool) -> None:
        """Takes back all but `amounts` of a lease; closed, those are spent.

        More than was lent counts too. A lease that is closed stays as it is.
        """
        ...

    async def lost(self) -> Collection[Lost]:
        """Leases whose time is over; nobody else is told of them for a while."""
        ...

    async def warned(self, crossing: Crossing) -> None:
        """Remembers that somebody was told."""
        ...

    async def hours(self) -> Collection[HourUsed]:
        """Hours that are over and were not told of."""
        ...

    async def told(self, hour: HourUsed) -> None:
        """Remembers that an hour was told of."""
        ...

    async def reset(self, command_id: UUID, provider: str, at: datetime) -> bool:
        """Counts a provider from now on, in the windows around `at`; what is lent stays lent.

        False when this command was obeyed before.
        """
        ...

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """How these windows stand now."""
        ...


class BegunCalls(Protocol):
    """What the log says of calls."""

    async def used(self, lost: Collection[Lost]) -> Mapping[UUID, Amounts]:
        """What the calls of these leases used, by lease. Raises StoreAway."""
        ...
