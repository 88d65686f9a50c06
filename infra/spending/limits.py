"""Limits as they are set: numbers by window, of all providers together and of some by name."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import BaseSettings

from streams.quota.amounts import Window
from streams.quota.limits import Caps, Limits


def _unset(value: object) -> object:
    return None if value in {"", "none"} else value


Whole = Annotated[
    Annotated[int, Field(ge=0, le=10**12)] | None,
    BeforeValidator(_unset),
]
Usd = Annotated[
    Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6, allow_inf_nan=False)] | None,
    BeforeValidator(_unset),
]
"""US dollars; `none` takes a limit away."""


class SetLimits(BaseModel):
    """Those of one provider, or of all together; what is not set is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hourly_requests: Whole = None
    daily_requests: Whole = None
    monthly_requests: Whole = None
    hourly_tokens: Whole = None
    daily_tokens: Whole = None
    monthly_tokens: Whole = None
    hourly_cost_usd: Usd = None
    daily_cost_usd: Usd = None
    monthly_cost_usd: Usd = None

    @property
    def windows(self) -> Mapping[Window, Caps]:
        """As they are kept."""
        return {
            "hour": Caps(self.hourly_requests, self.hourly_tokens, self.hourly_cost_usd),
            "day": Caps(self.daily_requests, self.daily_tokens, self.daily_cost_usd),
            "month": Caps(self.monthly_requests, self.monthly_tokens, self.monthly_cost_usd),
        }


class SpendingSettings(BaseSettings):
    """Settings of what may be spent."""

    max_hourly_requests: Whole = Field(
        None,
        description="Calls of all providers beyond the site in an hour (UTC); `none`: no limit.",
    )
    max_daily_requests: Whole = Field(1_000, description="Calls likewise in a day.")
    max_monthly_requests: Whole = Field(None, description="Calls likewise in a month.")
    max_hourly_tokens: Whole = Field(
        None, description="Tokens, input and output, likewise in an hour."
    )
    max_daily_tokens: Whole = Field(
        1_000_000, description="Tokens, input and output, likewise in a day."
    )
    max_monthly_tokens: Whole = Field(
        None, description="Tokens, input and output, likewise in a month."
    )
    max_hourly_cost_usd: Usd = Field(None, description="US dollars likewise in an hour.")
    max_daily_cost_usd: Usd = Field(None, description="US dollars likewise in a day.")
    max_monthly_cost_usd: Usd = Field(None, description="US dollars likewise in a month.")
    provider_limits: Mapping[str, SetLimits] = Field(
        {},
        description="Limits of single providers beside those, as JSON: "
        '`{"openai": {"daily_requests": 500, "monthly_cost_usd": "20"}}`; see docs/spending.md.',
    )

    @cached_property
    def limits(self) -> Limits:
        """What may be spent."""
        names = SetLimits.model_fields
        together = SetLimits(**{name: getattr(self, f"max_{name}") for name in names})
        named = {name: limits.windows for name, limits in self.provider_limits.items()}
        return Limits(together.windows, named)
