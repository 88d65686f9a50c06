"""Commands as an edge issues them: who, when and why are the same for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    ResetQuota,
    SwitchProviderOrder,
    UnblacklistProvider,
)
from streams import identity


def first(name: str, order: Sequence[str]) -> tuple[str, ...]:
    """The order with this one before all others."""
    return (name, *(other for other in order if other != name))


class _Said(TypedDict):
    """What every command says."""

    id: UUID
    issued_at: datetime
    issued_by: str
    reason: str
    correlation_id: str


@dataclass(frozen=True)
class Issue:
    """One request of an operator; `nonce` keeps two of the same millisecond apart."""

    at: datetime
    by: str
    reason: str
    nonce: str

    @property
    def id(self) -> UUID:
        """Of the command."""
        return identity.time_ordered(self.at, "command", self.by, self.nonce)

    def switch(self, order: Sequence[str]) -> SwitchProviderOrder:
        """Ask in this order."""
        return SwitchProviderOrder(
            **self._said,
            order=tuple(order),
        )

    def blacklist(self, provider: str, minutes: float | None) -> BlacklistProvider:
        """Don't ask it; `minutes` None means until it is lifted."""
        return BlacklistProvider(
            **self._said,
            provider=provider,
            minutes=minutes,
        )

    def unblacklist(self, provider: str) -> UnblacklistProvider:
        """Ask it again."""
        return UnblacklistProvider(
            **self._said,
            provider=provider,
        )

    def clear_cache(self, kind: str) -> ClearCache:
        """Forget earlier answers."""
        return ClearCache(
            **self._said,
            kind=kind,
        )

    def reset_quota(self, provider: str) -> ResetQuota:
        """Count from now on."""
        return ResetQuota(
            **self._said,
            provider=provider,
        )

    @property
    def _said(self) -> _Said:
        return {
            "id": self.id,
            "issued_at": self.at,
            "issued_by": self.by,
            "reason": self.reason,
            "correlation_id": str(self.id),
        }
