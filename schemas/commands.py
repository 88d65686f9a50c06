"""What operators ask for and what they decided: `control.commands.v1`, kept for ever.

The log of commands is also their audit: each says who asked, when and why.
"""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from schemas.cameras import ProviderOrder
from schemas.event import Written, check_time
from schemas.fields import CorrelationId, Detail, Name, Timestamp

Minutes = Annotated[float, Meta(gt=0, le=527_040)]
"""At most 366 days."""


class Command(Written, frozen=True, kw_only=True):
    """What every command says; `issued_by` is a person, a key's name or `cli`."""

    id: UUID
    issued_at: Timestamp
    issued_by: Name
    reason: Detail = ""
    correlation_id: CorrelationId

    def __post_init__(self) -> None:
        check_time("issued_at", self.issued_at)


class SwitchProviderOrder(Command, frozen=True, kw_only=True, tag="switch-provider-order"):
    """Ask providers in this order, and no others."""

    order: ProviderOrder


class BlacklistProvider(Command, frozen=True, kw_only=True, tag="blacklist-provider"):
    """Don't ask this provider, for so many minutes or until it is lifted."""

    provider: Name
    minutes: Minutes | None = None


class UnblacklistProvider(Command, frozen=True, kw_only=True, tag="unblacklist-provider"):
    """Ask this provider again, whatever put it, its key or a model of it on the blacklist."""

    provider: Name


class ClearCache(Command, frozen=True, kw_only=True, tag="clear-cache"):
    """Forget earlier answers to prompts of this kind, or `all`."""

    kind: Name


class ResetQuota(Command, frozen=True, kw_only=True, tag="reset-quota"):
    """Count what this provider used from now on."""

    provider: Name


Commands = SwitchProviderOrder | BlacklistProvider | UnblacklistProvider | ClearCache | ResetQuota
