"""What a call cost, exactly: a table of prices by provider, model and day, and its arithmetic.

The table is data (`infra/spending/prices.json`), because prices change without any code. What has
no price there has an unknown cost, which is not 0; what never leaves the site costs 0.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from schemas.attempts import Usage
from streams.providers.ports import Provider, ProviderError, Reply

TOKENS: Final = 1_000_000
"""Prices are US dollars for so many tokens."""

AT_HOME: Final = "local"
"""The version of the price that needs no table: what never leaves the site costs nothing."""

SNAPSHOT: Final = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{3})\Z")
"""How vendors name a dated copy of a model: `gpt-6-luna-2026-09-01`, `gemini-3.5-flash-001`."""


@dataclass(frozen=True)
class LongPrompt:
    """A prompt of more than `above_tokens` makes the whole call dearer, not only what is above."""

    above_tokens: int
    input_factor: Decimal
    output_factor: Decimal


@dataclass(frozen=True)
class Price:
    """US dollars for 1,000,000 tokens; `None` where the vendor names no price."""

    provider: str
    model: str
    effective_from: date
    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    long_prompt: LongPrompt | None = None
    frame_tokens_max: int | None = None
    """No frame that we send counts more tokens."""
    source: str = ""

    def cost(self, usage: Usage) -> Decimal | None:
        """In US dollars, exactly; None where a count or its price is unknown."""
        whole, out = usage.input_tokens, usage.output_tokens
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        if whole is None or out is None or cached + written > whole:
            return None
        parts = (
            (whole - cached - written, self.input),
            (cached, self.cached),
            (written, self.cache_write),
        )
        into = Decimal(0)
        for tokens, price in parts:
            if tokens and price is None:
                return None
            into += tokens * (price or Decimal(0))
        input_factor, output_factor = self._factors(whole)
        return (into * input_factor + out * self.output * output_factor) / TOKENS

    def cost_max(self, input_tokens: int, output_tokens: int) -> Decimal:
        """What a call of at most so many tokens costs at most, in US dollars."""
        dearest = max(self.input, self.cached or self.input, self.cache_write or self.input)
        input_factor, output_factor = self._factors(input_tokens)
        into = input_tokens * dearest * input_factor
        return (into + output_tokens * self.output * output_factor) / TOKENS

    def _factors(self, input_tokens: int) -> tuple[Decimal, Decimal]:
        tier = self.long_prompt
        if tier is None or input_tokens <= tier.above_tokens:
            return Decimal(1), Decimal(1)
        return tier.input_factor, tier.output_factor


@dataclass(frozen=True)
class Cost:
    """What a call cost by which table; `usd` None: the table does not say."""

    usd: Decimal | None
    version: str


@dataclass(frozen=True)
class PriceList:
    """All prices that are known; `version` names this list, so that a cost can be told anew."""

    version: str
    prices: Sequence[Price]
    same_as: Mapping[str, str] = field(default_factory=dict)
    """Providers that are another adapter for the same vendor."""

    def price(self, provider: str, model: str, at: datetime) -> Price | None:
        """The one that holds on the day of `at`, in UTC; a dated copy costs what its model does."""
        provider = self.same_as.get(provider, provider)
        for name in (model, SNAPSHOT.sub("", model)):
            held = [
                price
                for price in self.prices
                if (price.provider, price.model) == (provider, name)
                and price.effective_from <= at.date()
            ]
            if held:
                return max(held, key=lambda price: price.effective_from)
        return None

    def cost(self, provider: Provider, result: Reply | ProviderError, at: datetime) -> Cost:
        """What a call that was made at `at` cost, by the model that answered."""
        if provider.profile.local:
            return Cost(Decimal(0), AT_HOME)
        price = self.price(provider.name, result.model or provider.model, at)
        usd = price.cost(result.usage) if price and result.usage else None
        return Cost(usd, self.version)


NO_PRICES: Final = PriceList("none", ())


def text(usd: Decimal) -> str:
    """Dollars as the log writes them: no exponent, no needless zeros."""
    plain = format(usd, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
