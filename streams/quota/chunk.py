"""A lease of budget in the hands of a worker: what of it is promised to calls, and what is used.

Frozen; each change is another chunk. A call is settled once: a repeat changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from streams.quota.amounts import NOTHING, Amounts


@dataclass(frozen=True)
class Lease:
    """Budget lent to one worker: `granted` may be used until `ends`, in seconds of its own clock.

    Whoever reserves later has to lease anew; so nothing is spent in a window that it was not
    counted in.
    """

    id: UUID
    provider: str
    granted: Amounts
    ends: float


@dataclass(frozen=True)
class Chunk:
    """What became of a lease so far."""

    lease: Lease
    used: Amounts = NOTHING
    promised: Mapping[UUID, Amounts] = field(default_factory=dict)

    @property
    def left(self) -> Amounts:
        """What is neither used nor promised; below 0 where calls used more than they should."""
        return self.lease.granted - self.kept

    @property
    def kept(self) -> Amounts:
        """What is used or promised: the lease need not be larger."""
        return sum(self.promised.values(), self.used)

    def reserved(self, call: UUID, need: Amounts) -> "Chunk | None":
        """With so much promised to a call; None when it does not have as much."""
        if not self.left.covers(need):
            return None
        return replace(self, promised={**self.promised, call: need})

    def settled(self, call: UUID, used: Amounts) -> "Chunk":
        """With what a call used in place of what it was promised."""
        if call not in self.promised:
            return self
        rest = {other: need for other, need in self.promised.items() if other != call}
        return replace(self, used=self.used + used, promised=rest)

    def shrunk(self) -> "Chunk":
        """With nothing left: the rest was given back."""
        return replace(self, lease=replace(self.lease, granted=self.kept))
