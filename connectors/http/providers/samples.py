"""Answers about providers as the OpenAPI document shows them: `schemas.examples.operation`."""

from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel

from connectors.http.providers.models import (
    AiStats,
    Budget,
    Budgets,
    Cache,
    Caches,
    Calls,
    DateRange,
    Entry,
    Ordered,
    Provider,
    ProviderHealth,
    Providers,
    ProvidersHealth,
)
from schemas.examples.operation import BLACKLISTED, SWITCH, WARNED
from streams.topics import COMMANDS

_ORDER: Final = ("gemini", "grok")
_LISTED: Final = f"not asked: {BLACKLISTED.why.detail}; until an operator lifts it"

PROVIDERS: Final = Providers(
    order=_ORDER,
    items=(
        Provider(
            provider="gemini",
            place=1,
            model="gemini-2.5-flash",
            local=False,
            missing_key=None,
            well=True,
            health="asked in its turn",
        ),
        Provider(
            provider="grok",
            place=2,
            model="grok-4",
            local=False,
            missing_key=None,
            well=False,
            health=_LISTED,
        ),
    ),
)
HEALTH: Final = ProvidersHealth(
    order=_ORDER,
    items=(
        ProviderHealth(
            provider="grok",
            place=2,
            well=False,
            health=_LISTED,
            breaker="closed",
            breaker_until=None,
            blacklist=(
                Entry(
                    scope=BLACKLISTED.scope,
                    subject=BLACKLISTED.subject,
                    until=None,
                    error_class=BLACKLISTED.why.error_class,
                    detail=BLACKLISTED.why.detail,
                ),
            ),
        ),
    ),
)
BUDGETS: Final = Budgets(
    items=(
        Budget(
            provider=WARNED.provider,
            window=WARNED.window,
            window_began=WARNED.window_began,
            window_ends=datetime(2026, 3, 15, tzinfo=UTC),
            measure=WARNED.measure,
            taken=WARNED.used,
            lent="4",
            limit=WARNED.limit,
            percent=WARNED.percent,
            exhausted_at=WARNED.exhausted_at,
        ),
    )
)
CACHES: Final = Caches(
    items=(Cache(kind="person", entries=812, misses=812, hits=203, hit_rate=0.2),)
)
STATS: Final = AiStats(
    time_range="24h",
    date_range=DateRange(
        since=datetime(2026, 3, 13, 8, tzinfo=UTC), until=datetime(2026, 3, 14, 8, tzinfo=UTC)
    ),
    total_events=90,
    events_per_provider={"gemini": 90},
    providers={
        "gemini": Calls(
            answered=90, failed=10, success_rate=0.9, cost_usd="0.0679", unknown_costs=10
        )
    },
    cost_usd="0.0679",
    unknown_costs=10,
)
ORDERED: Final = Ordered(id=SWITCH.id, topic=COMMANDS.name, partition=4, offset=17)

ANSWERS: Final[dict[tuple[str, str, str], BaseModel]] = {
    ("/api/v1/system/ai-providers", "get", "200"): PROVIDERS,
    ("/api/v1/health/providers", "get", "200"): HEALTH,
    ("/api/v1/health/quota", "get", "200"): BUDGETS,
    ("/api/v1/health/cache", "get", "200"): CACHES,
    ("/api/v1/system/ai-stats", "get", "200"): STATS,
    ("/api/v1/admin/switch-provider", "post", "202"): ORDERED,
    ("/api/v1/system/ai-provider-order", "put", "202"): ORDERED,
    ("/api/v1/admin/blacklist/{provider}", "put", "202"): ORDERED,
    ("/api/v1/admin/blacklist/{provider}", "delete", "202"): ORDERED,
    ("/api/v1/admin/quota/reset/{provider}", "post", "202"): ORDERED,
    ("/api/v1/admin/clear-cache/{kind}", "post", "202"): ORDERED,
}
