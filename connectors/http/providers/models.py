"""What is answered about providers, and what a command's body may say."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from connectors.http.models import Answer
from schemas.attempts import ErrorClass
from schemas.providers import BlacklistScope, BreakerState
from streams.quota.amounts import Measure, Window

Range = Literal["24h", "7d", "30d", "all"]

Name = Annotated[str, Field(examples=["grok"])]


class Provider(Answer):
    """One provider as it is set up, and how it is."""

    provider: Name
    place: Annotated[int | None, Field(description="Its turn, from 1. Null: not in the order.")]
    model: Annotated[str | None, Field(description="Null: the log knows it, the settings don't.")]
    local: Annotated[bool | None, Field(description="Frames stay on the site.")]
    missing_key: Annotated[str | None, Field(description="The variable that is not set.")]
    well: Annotated[bool, Field(description="Nothing keeps anybody from asking it.")]
    health: Annotated[str, Field(description="How it is, in words.")]


class Providers(Answer):
    """Everybody who may be asked, in the order of asking."""

    order: Annotated[tuple[str, ...], Field(examples=[["openai", "grok"]])]
    items: tuple[Provider, ...]


class Entry(Answer):
    """One entry of the blacklist."""

    scope: BlacklistScope
    subject: Annotated[str, Field(description="A key's fingerprint, or a model.")]
    until: Annotated[datetime | None, Field(description="Null: until an operator lifts it.")]
    error_class: ErrorClass | None
    detail: str


class ProviderHealth(Answer):
    """What all workers know of one provider."""

    provider: Name
    place: int | None
    well: bool
    health: str
    breaker: BreakerState
    breaker_until: datetime | None
    blacklist: tuple[Entry, ...]


class ProvidersHealth(Answer):
    """All of them, in the order of asking."""

    order: tuple[str, ...]
    items: tuple[ProviderHealth, ...]


class Budget(Answer):
    """One measure of one window; amounts are decimals as text."""

    provider: Annotated[str, Field(description="`*`: all beyond the site together.")]
    window: Window
    window_began: datetime
    window_ends: datetime
    measure: Measure
    taken: Annotated[str, Field(description="Spent, or lent to workers.", examples=["750"])]
    lent: Annotated[str, Field(description="Of `taken`; may still come back.", examples=["4"])]
    limit: str | None
    percent: int | None
    exhausted_at: Annotated[datetime | None, Field(description="If spending goes on like this.")]


class Budgets(Answer):
    """Every window that is limited, and its siblings."""

    items: tuple[Budget, ...]


class Cache(Answer):
    """Earlier answers to prompts of one kind."""

    kind: Annotated[str, Field(examples=["person"])]
    entries: Annotated[int, Field(ge=0, description="Answers given since it was last cleared.")]
    misses: Annotated[int, Field(ge=0, description="Answers that a provider gave.")]
    hits: Annotated[int, Field(ge=0, description="Answers that were used again.")]
    hit_rate: Annotated[float, Field(ge=0, le=1)]


class Caches(Answer):
    """By kind of prompt; a kind that nothing was answered to yet is left out."""

    items: tuple[Cache, ...]


class Calls(Answer):
    """How the calls of one provider ended; decisions not to call it are none."""

    answered: int
    failed: int
    success_rate: Annotated[float | None, Field(ge=0, le=1)]
    cost_usd: Annotated[str, Field(description="A decimal; the sum of costs that are known.")]
    unknown_costs: Annotated[int, Field(description="Calls whose cost nobody knows.")]


class DateRange(BaseModel):
    """Of the events' own time; `from` is null for `all` while there are none."""

    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[datetime | None, Field(alias="from")]
    until: Annotated[datetime, Field(alias="to")]


class AiStats(Answer):
    """What providers did for events of a range of time."""

    time_range: Range
    date_range: DateRange
    total_events: Annotated[int, Field(description="Events that a provider described.")]
    events_per_provider: Annotated[
        dict[str, int], Field(description="An event described by two counts for both.")
    ]
    providers: dict[str, Calls]
    cost_usd: Annotated[str, Field(description="Of all; a decimal.", examples=["0.0679"])]
    unknown_costs: int


class Ordered(Answer):
    """The log has the command; workers obey it as soon as they have read it."""

    id: Annotated[UUID, Field(examples=["019ceb60-7d10-8a44-9c39-5e0f6f1f2a01"])]
    topic: Annotated[str, Field(examples=["control.commands.v1"])]
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Why(BaseModel):
    """The body of a command; it may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=2_000, description="The log keeps it.")] = ""


class Listing(Why):
    """Likewise."""

    minutes: Annotated[
        float | None,
        Field(gt=0, le=527_040, allow_inf_nan=False, description="Null: until it is lifted."),
    ] = None


class Order(Why):
    """Who is asked from now on, and nobody else."""

    order: Annotated[tuple[str, ...], Field(min_length=1, max_length=32)]
