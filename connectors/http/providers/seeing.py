"""Routes that show providers: their order and health, budgets, caches, and what they did."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Query

from connectors.http.errors import documented
from connectors.http.providers.models import (
    AiStats,
    Budget,
    Budgets,
    Cache,
    Caches,
    Calls,
    DateRange,
    Entry,
    Provider,
    ProviderHealth,
    Providers,
    ProvidersHealth,
    Range,
)
from connectors.http.providers.site import Site
from schemas.providers import BlacklistChanged
from streams.ports import StoreAway
from streams.providers.health.overview import Overview, Seat, overview, words
from streams.providers.prices import text
from streams.queries import ProviderRow, Reads, Unavailable
from streams.quota.overview import stands

SPANS: Final[Mapping[Range, timedelta | None]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Events have no earlier time."""


def routes(reads: Reads, site: Site) -> APIRouter:
    """Routes that change nothing."""
    router = APIRouter(prefix="/api/v1", tags=["providers"])
    _providers(router, site)
    _numbers(router, reads, site)
    _statistics(router, reads, site)
    return router


def _providers(router: APIRouter, site: Site) -> None:
    @router.get(
        "/system/ai-providers",
        summary="Who may be asked, in the order of asking",
        responses=documented(503),
    )
    async def ai_providers() -> Providers:
        """As the settings and the newest order have them; those that nobody asks come last."""
        seen = [_provider(*each) for each in await _seen(site)]
        return Providers(order=tuple(site.asked()), items=tuple(seen))

    @router.get(
        "/health/providers",
        summary="Breakers and blacklist of every provider",
        responses=documented(503),
    )
    async def providers_health() -> ProvidersHealth:
        """As all workers know them from the log."""
        seen = [_health(*each) for each in await _seen(site)]
        return ProvidersHealth(order=tuple(site.asked()), items=tuple(seen))


def _numbers(router: APIRouter, reads: Reads, site: Site) -> None:
    @router.get("/health/quota", summary="What is taken of each limit", responses=documented(503))
    async def quota() -> Budgets:
        """Budgets as all workers share them; empty when nothing is limited."""
        try:
            standings = await site.budgets.standings(site.places)
        except StoreAway as error:
            raise Unavailable("database", "the budgets can't be read now") from error
        return Budgets(
            items=tuple(Budget.model_validate(one) for one in stands(standings, site.now()))
        )

    @router.get(
        "/health/cache", summary="How often answers are used again", responses=documented(503)
    )
    async def cache() -> Caches:
        """By kind of prompt, of everything that the table of answers holds."""
        cleared = (await site.read()).orders.clearings
        return Caches(items=tuple(Cache.model_validate(one) for one in await reads.caches(cleared)))


def _statistics(router: APIRouter, reads: Reads, site: Site) -> None:
    @router.get(
        "/system/ai-stats",
        summary="Events, success and cost by provider",
        responses=documented(422, 503),
    )
    async def ai_stats(span: Annotated[Range, Query(alias="range")] = "24h") -> AiStats:
        """Of events that happened in that time. Calls that never ended are left out."""
        now, length = site.now(), SPANS[span]
        since = now - length if length else BEGINNING
        found = await reads.statistics(since)
        return AiStats(
            time_range=span,
            date_range=DateRange(since=since if length else found.oldest, until=now),
            total_events=found.events,
            events_per_provider={row.provider: row.events for row in found.providers if row.events},
            providers={row.provider: _calls(row) for row in found.providers},
            cost_usd=text(sum((row.cost_usd for row in found.providers), Decimal(0))),
            unknown_costs=sum(row.unknown_costs for row in found.providers),
        )


Seen = tuple[Overview, Seat | None, str]


async def _seen(site: Site) -> list[Seen]:
    board = await site.read()
    return list(_told(site, overview(board, (s.name for s in site.seats), site.order, site.now())))


def _told(site: Site, found: Iterator[Overview]) -> Iterator[Seen]:
    seats = {seat.name: seat for seat in site.seats}
    for one in found:
        seat = seats.get(one.provider)
        yield one, seat, words(one, seat.missing if seat else None, site.now())


def _provider(one: Overview, seat: Seat | None, health: str) -> Provider:
    return Provider(
        provider=one.provider,
        place=one.place,
        model=seat.model if seat else None,
        local=seat.local if seat else None,
        missing_key=seat.missing if seat else None,
        well=one.well and not (seat and seat.missing),
        health=health,
    )


def _health(one: Overview, seat: Seat | None, health: str) -> ProviderHealth:
    return ProviderHealth(
        provider=one.provider,
        place=one.place,
        well=one.well and not (seat and seat.missing),
        health=health,
        breaker=one.breaker,
        breaker_until=one.breaker_until,
        blacklist=tuple(map(_entry, one.blacklist)),
    )


def _entry(state: BlacklistChanged) -> Entry:
    return Entry(
        scope=state.scope,
        subject=state.subject,
        until=state.until,
        error_class=state.why.error_class,
        detail=state.why.detail,
    )


def _calls(row: ProviderRow) -> Calls:
    return Calls(
        answered=row.answered,
        failed=row.failed,
        success_rate=row.success_rate,
        cost_usd=text(row.cost_usd),
        unknown_costs=row.unknown_costs,
    )
