"""What all workers know of the providers together: `provider.state.v1`, one full state a record.

A record says everything about its key, and how many states came before it. Of two records with one
`version` the first in the log counts; whoever wrote the other decides anew.
"""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.attempts import ErrorClass
from schemas.event import Fact, Written, check_time
from schemas.fields import CorrelationId, Count, Detail, Name, Timestamp

BreakerState = Literal["closed", "open", "half_open"]

BlacklistScope = Literal[
    "provider",
    "key",  # the credentials; who has others asks
    "model",
]

Measure = Literal["requests", "tokens", "cost_usd"]
Window = Literal["hour", "day", "month"]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,12})?$(?!\n)")]
"""A number as decimal text, so that money stays exact."""


class Why(Fact, frozen=True, kw_only=True):
    """What led to a change: a failure of a provider in its own words, or a person's reason."""

    error_class: ErrorClass | None = None
    code: Detail | None = None
    detail: Detail = ""


class ProviderState(Written, frozen=True, kw_only=True):
    """What every state of a provider says; `worker` is who decided, by its own clock."""

    id: UUID
    timestamp: Timestamp
    correlation_id: CorrelationId
    provider: Name
    worker: Name

    def __post_init__(self) -> None:
        check_time("timestamp", self.timestamp)


class BreakerChanged(ProviderState, frozen=True, kw_only=True, tag="breaker-changed"):
    """A provider's breaker: nobody calls while it is open; half open, only `worker` does.

    `until` is when an open breaker may be tried, and when the claim of a half open one expires.
    """

    version: Count
    state: BreakerState
    until: Timestamp | None = None
    why: Why = Why()


class BlacklistChanged(ProviderState, frozen=True, kw_only=True, tag="blacklist-changed"):
    """Whether a provider, one of its keys or one of its models is on the blacklist.

    `until` None means until somebody lifts it. `commands` says how many commands about the provider
    are considered in this state.
    """

    version: Count
    listed: bool
    scope: BlacklistScope = "provider"
    subject: Annotated[str, Meta(max_length=128)] = ""
    """The model, or a fingerprint of the key, address and model; empty for the whole provider."""
    until: Timestamp | None = None
    commands: Count = 0
    why: Why = Why()


class QuotaWarned(ProviderState, frozen=True, kw_only=True, tag="quota-warned"):
    """A limit is used up to `percent`; provider `*` means all providers together.

    `exhausted_at` is when it will be used up if spending goes on as it did in this window.
    """

    measure: Measure
    window: Window
    window_began: Timestamp
    percent: Annotated[int, Meta(ge=0, le=100)]
    used: Amount
    limit: Amount
    exhausted_at: Timestamp | None = None


class ProviderUsed(ProviderState, frozen=True, kw_only=True, tag="provider-used"):
    """What a provider used in an hour that is over, by the budgets; `worker` only says it.

    What nobody counted, such as a call that timed out, is in it as much as it may have used.
    """

    hour_began: Timestamp
    requests: Count
    tokens: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    cost_usd: Amount


ProviderStates = BreakerChanged | BlacklistChanged | QuotaWarned | ProviderUsed
