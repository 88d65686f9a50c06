"""What is told of budgets, as words of `provider.state.v1`; told twice, it has the same id."""

from schemas.providers import ProviderUsed, QuotaWarned
from streams import identity
from streams.providers.prices import text
from streams.quota.amounts import ends
from streams.quota.limits import Crossing
from streams.quota.ports import HourUsed


def warned(crossing: Crossing, worker: str) -> QuotaWarned:
    """A limit is nearly used up; its time is that of the database."""
    place, start = crossing.counted.place, crossing.counted.began
    key = (place.scope, "quota", crossing.measure, place.window)
    return QuotaWarned(
        id=identity.time_ordered(start, *key, str(crossing.percent)),
        timestamp=crossing.at,
        correlation_id="/".join(key),
        provider=place.scope,
        worker=worker,
        measure=crossing.measure,
        window=place.window,
        window_began=start,
        percent=crossing.percent,
        used=text(crossing.used),
        limit=text(crossing.limit),
        exhausted_at=crossing.exhausted_at,
    )


def used(hour: HourUsed, worker: str) -> ProviderUsed:
    """An hour that is over."""
    return ProviderUsed(
        id=identity.time_ordered(hour.began, hour.provider, "usage"),
        timestamp=ends("hour", hour.began),
        correlation_id=f"{hour.provider}/usage",
        provider=hour.provider,
        worker=worker,
        hour_began=hour.began,
        requests=hour.used.requests,
        tokens=hour.used.tokens,
        cost_usd=text(hour.used.cost_usd),
    )
