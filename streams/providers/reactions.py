"""What an error of a provider means for the chain: one literal table.

The taxonomy is that of `schemas.attempts.ErrorClass`; an adapter gives each failure its class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.attempts import ErrorClass
from streams.providers.ports import Profile, ProviderError


@dataclass(frozen=True)
class Reaction:
    """`again`: the same call may succeed a moment later.

    `when_asked_to`: and only as late as the provider says. `can_pass`: it may succeed some day
    without anybody's doing. `blacklists` for `blacklist_s`; `None` there: until an operator or a
    new key says otherwise. `strikes`: only after so many in a row as are set.
    """

    again: bool = False
    when_asked_to: bool = False
    can_pass: bool = False
    blacklists: Literal["provider", "model"] | None = None
    blacklist_s: float | None = None
    strikes: bool = False
    breaker_counts: bool = False


MINUTES_5: Final = 300.0

REACTIONS: Final[Mapping[ErrorClass, Reaction]] = {
    "auth": Reaction(blacklists="provider"),
    "quota": Reaction(blacklists="provider", blacklist_s=MINUTES_5),
    "rate_limited": Reaction(again=True, when_asked_to=True, can_pass=True),
    "overloaded": Reaction(
        can_pass=True, blacklists="provider", blacklist_s=MINUTES_5, strikes=True
    ),
    "server": Reaction(can_pass=True, blacklists="provider", blacklist_s=MINUTES_5, strikes=True),
    "model_unavailable": Reaction(can_pass=True, blacklists="model", blacklist_s=MINUTES_5),
    "timeout": Reaction(again=True, can_pass=True, breaker_counts=True),
    "network": Reaction(again=True, can_pass=True, breaker_counts=True),
    "bad_request": Reaction(),
    "blocked": Reaction(),
    "truncated": Reaction(),
    "malformed": Reaction(),
    "capability": Reaction(),
    "policy": Reaction(),
}


def retry_after_s(
    error: ProviderError, profile: Profile, *, made: int, left_s: float
) -> float | None:
    """Seconds until the same provider is called again; None when it is the next one's turn.

    `made` are the retries so far, `left_s` what is left of the provider's share of the time: a
    wait that leaves nothing of it is no use.
    """
    reaction = REACTIONS[error.error_class]
    allowed = reaction.can_pass if profile.retries_all else reaction.again
    if not allowed or made >= profile.retries:
        return None
    wait_s = profile.retry_wait_s
    if reaction.when_asked_to and error.retry_after_s is not None:
        wait_s = max(wait_s, error.retry_after_s)
    return wait_s if wait_s < left_s else None
