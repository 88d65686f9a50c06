"""What the log says of a lease whose worker never came back: which of its calls were begun.

A call is in the log before it is made, with the lease that pays for it. So what no record names was
never spent, and can be lent again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from schemas.attempts import AttemptBegun, ProviderAttempted
from streams.quota.amounts import NOTHING, Amounts
from streams.quota.estimates import counted


@dataclass
class Tally:
    """Sums up the calls of some leases, record by record, in any order; repeats count once."""

    leases: Collection[UUID]
    _begun: dict[UUID, tuple[UUID, Amounts]] = field(default_factory=dict)
    _ended: dict[UUID, ProviderAttempted] = field(default_factory=dict)

    def add(self, events: Iterable[AttemptBegun | ProviderAttempted]) -> None:
        """Takes records of `ai.attempts.v1`."""
        for event in events:
            if isinstance(event, ProviderAttempted):
                if event.status != "skipped":
                    self._ended[event.id] = event
            elif event.reserved and event.reserved.lease_id in self.leases:
                cost = Decimal(event.reserved.cost_usd or 0)
                most = Amounts(1, event.reserved.tokens, cost)
                self._begun[event.id] = (event.reserved.lease_id, most)

    @property
    def used(self) -> Mapping[UUID, Amounts]:
        """By lease: a call that never ended counts as much as it was promised."""
        sums = dict.fromkeys(self.leases, NOTHING)
        for call, (lease, most) in self._begun.items():
            end = self._ended.get(call)
            sums[lease] += most if end is None else _of(most, end)
        return sums


def _of(most: Amounts, end: ProviderAttempted) -> Amounts:
    cost = None if end.cost_usd is None else Decimal(end.cost_usd)
    return counted(most, end.usage, cost, end.error_class)
