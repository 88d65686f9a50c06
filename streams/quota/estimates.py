"""What a call may use at most, before it is made; and what it used, after.

The estimate is a bound, not a guess: a token is at least one byte of text, a frame counts at most
what the table of prices says of its model, an answer ends at the cap that it is asked with. Should
a vendor count more all the same, all of it counts, and the next calls have so much less.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from schemas.attempts import ErrorClass, Usage
from streams.providers.ports import Provider, ProviderError, Question, Refusal, Reply
from streams.providers.prices import PriceList
from streams.quota.amounts import ONE_REQUEST, Amounts
from streams.quota.limits import Place

FRAMING_TOKENS_MAX: Final = 2_000
"""The schema of the answer, and what vendors put around a prompt."""

FRAME_TOKENS_MAX: Final = 5_000
"""Of a frame, for a model that the table does not have."""

NOT_BILLED: Final[frozenset[ErrorClass]] = frozenset(
    {
        "auth",
        "quota",
        "rate_limited",
        "overloaded",
        "server",
        "model_unavailable",
        "bad_request",
        "capability",
        "policy",
    }
)
"""No vendor charges tokens for these. A time-out, a lost connection, an answer that can't be read
may have been charged: without figures they count as their estimate."""


@dataclass(frozen=True)
class Estimate:
    """What a call may use at most; `priced`: its dollars are known."""

    most: Amounts
    priced: bool


def estimate(provider: Provider, asked: Question, prices: PriceList, at: datetime) -> Estimate:
    """For one call with these frames."""
    price = prices.price(provider.name, provider.model, at)
    frame_tokens = (price.frame_tokens_max if price else None) or FRAME_TOKENS_MAX
    text_bytes = len((asked.prompt.system + asked.prompt.text).encode())
    tokens_in = text_bytes + FRAMING_TOKENS_MAX + len(asked.frames) * frame_tokens
    tokens_out = provider.profile.output_tokens_max
    local = provider.profile.local
    cost = price.cost_max(tokens_in, tokens_out) if price and not local else Decimal(0)
    return Estimate(Amounts(1, tokens_in + tokens_out, cost), local or price is not None)


def unpriced(provider: Provider, places: tuple[Place, ...]) -> Refusal | None:
    """Why a provider of unknown price can't be called: a limit of money could not be kept."""
    limiting = [place for place in places if place.caps.cost_usd is not None]
    if not limiting:
        return None
    detail = (
        f"the price of {provider.name}/{provider.model} is unknown, "
        f"so its limit of dollars a {limiting[0].window} can't be kept"
    )
    return Refusal("quota", detail, "quota")


def used(most: Amounts, result: Reply | ProviderError, cost_usd: Decimal | None) -> Amounts:
    """What a call used, by what the provider says; where it says nothing, at most."""
    error_class = result.error_class if isinstance(result, ProviderError) else None
    return counted(most, result.usage, cost_usd, error_class)


def counted(
    most: Amounts, usage: Usage | None, cost_usd: Decimal | None, error_class: ErrorClass | None
) -> Amounts:
    """Likewise, by what the log holds of it."""
    if usage and usage.input_tokens is not None and usage.output_tokens is not None:
        tokens = usage.input_tokens + usage.output_tokens
        return Amounts(1, tokens, most.cost_usd if cost_usd is None else cost_usd)
    return ONE_REQUEST if error_class in NOT_BILLED else most
