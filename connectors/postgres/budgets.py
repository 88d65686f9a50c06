"""Budgets in PostgreSQL, in the schema of the workers' own state.

Whoever takes from windows locks their rows first, all of them and always in the same order; so a
limit is compared with a sum that nobody else changes, and nobody waits for one who waits for him.
Time is the database's: workers' clocks may differ.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec

from connectors.postgres.connection import Connection, connect
from connectors.postgres.starts import AWAY, OPERATION
from streams.ports import StoreAway
from streams.quota.amounts import NOTHING, WINDOWS, Amounts, Measure, began, ends
from streams.quota.limits import (
    EVERYBODY,
    Counted,
    Crossing,
    Place,
    Short,
    lent,
)
from streams.quota.ports import Granted, HourUsed, Lost, Standing, Terms
from streams.topics import AI_ATTEMPTS

TIMEOUT_S: Final = 3.0
"""A call waits for it; the database is asked for every few calls only."""

OPEN: Final = """
insert into budget_windows (scope, span, began)
select scope, span, date_trunc(span, coalesce($3::timestamptz, now()))
from unnest($1::text[]) scope cross join unnest($2::text[]) span
order by 1, 2 on conflict do nothing
"""
LOCK: Final = """
select scope, span, began, requests, tokens, cost_usd,
  warned_requests, warned_tokens, warned_cost_usd, now() as at
from budget_windows
where scope = any($1::text[]) and span = any($2::text[])
  and began = date_trunc(span, coalesce($3::timestamptz, now()))
order by scope, span for update
"""
TAKE: Final = """
update budget_windows
set requests = requests + $4, tokens = tokens + $5, cost_usd = cost_usd + $6
where scope = any($1::text[]) and span = any($2::text[])
  and began = date_trunc(span, coalesce($3::timestamptz, now()))
"""
LEND: Final = """
insert into budget_leases (
  id, provider, worker, scopes, requests, tokens, cost_usd, granted_at, lost_at, log_from)
select $1, $2, $3, $4::text[], $5, $6, $7, now(), now() + make_interval(secs => $8),
  coalesce((select jsonb_object_agg(part, next) from read_model.projection_offsets
            where topic = $9), '{}')
"""
LEASE: Final = """
select scopes, granted_at, requests, tokens, cost_usd from budget_leases where id = $1 for update
"""
SHRINK: Final = """
update budget_leases set requests = $2, tokens = $3, cost_usd = $4 where id = $1
"""
CLOSE: Final = "delete from budget_leases where id = $1"
LOST: Final = """
update budget_leases set lost_at = now() + interval '30 seconds'
where id in (select id from budget_leases where lost_at <= now() for update skip locked)
returning id, provider, requests, tokens, cost_usd, log_from
"""
LENT: Final = """
select coalesce(sum(requests), 0)::bigint as requests,
  coalesce(sum(tokens), 0)::bigint as tokens, coalesce(sum(cost_usd), 0) as cost_usd
from budget_leases
where $1::text = any(scopes) and date_trunc($2::text, granted_at) = $3::timestamptz
"""
LENT_OF: Final = LENT.replace("$1::text = any(scopes)", "provider = $1::text")
OBEYED: Final = """
insert into budget_resets (command_id) values ($1) on conflict do nothing returning true
"""
FORGET: Final = """
update budget_windows
set requests = requests - $4, tokens = tokens - $5, cost_usd = cost_usd - $6
where scope = $1 and span = $2 and began = $3
"""
WARNED: Final = """
update budget_windows set
  warned_requests = greatest(warned_requests, case when $4::text = 'requests' then $5::int end),
  warned_tokens = greatest(warned_tokens, case when $4::text = 'tokens' then $5::int end),
  warned_cost_usd = greatest(warned_cost_usd, case when $4::text = 'cost_usd' then $5::int end)
where scope = $1 and span = $2 and began = $3
"""
HOURS: Final = """
select scope, began, requests, tokens, cost_usd from budget_windows w
where span = 'hour' and scope <> $1 and not told and requests > 0
  and began <= now() - interval '1 hour'
  and not exists (select from budget_leases l
                  where l.provider = w.scope and date_trunc('hour', l.granted_at) = w.began)
"""
TOLD: Final = """
update budget_windows set told = true where scope = $1 and span = 'hour' and began = $2
"""
OLD: Final = "delete from budget_windows where began < now() - interval '70 days'"


class PostgresBudgets:
    """Implements `streams.quota.ports.BudgetStore`; connects when asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def lease(
        self, provider: str, worker: str, places: Sequence[Place], need: Amounts, terms: Terms
    ) -> Granted | Short:
        """Lends budget for at least one call, in all windows or in none."""
        scopes, lease_id = _scopes(places), uuid4()
        async with self._transaction() as connection:
            at, windows = await _locked(connection, places)
            grant = lent(need, windows)
            if isinstance(grant, Short):
                return grant
            hour_ends = ends("hour", began("hour", at))
            lasts_s = min(terms.use_s, (hour_ends - at).total_seconds())
            await connection.execute(TAKE, scopes, WINDOWS, None, *_row(grant))
            await connection.execute(
                LEND,
                lease_id,
                provider,
                worker,
                scopes,
                *_row(grant),
                lasts_s + terms.grace_s,
                AI_ATTEMPTS.name,
            )
        return Granted(lease_id, grant, lasts_s, at, [one.plus(grant) for one in windows])

    async def keep(self, lease_id: UUID, amounts: Amounts, *, closes: bool) -> None:
        """Takes back all but `amounts` of a lease; closed, those are spent."""
        async with self._transaction() as connection:
            lease = await connection.fetchrow(LEASE, lease_id)
            if lease is None:
                return
            where = (lease["scopes"], WINDOWS, lease["granted_at"])
            await connection.fetch(LOCK, *where)
            await connection.execute(TAKE, *where, *_row(amounts - _amounts(lease)))
            if closes:
                await connection.execute(CLOSE, lease_id)
            else:
                await connection.execute(SHRINK, lease_id, *_row(amounts))

    async def lost(self) -> Collection[Lost]:
        """Leases whose time is over; nobody else is told of them for a while."""
        async with self._transaction() as connection:
            return [
                Lost(
                    row["id"],
                    row["provider"],
                    _amounts(row),
                    msgspec.json.decode(row["log_from"], type=dict[int, int]),
                )
                for row in await connection.fetch(LOST)
            ]

    async def warned(self, crossing: Crossing) -> None:
        """Remembers that somebody was told."""
        one = crossing.counted
        where = (one.place.scope, one.place.window, one.began)
        async with self._transaction() as connection:
            await connection.execute(WARNED, *where, crossing.measure, crossing.percent)

    async def hours(self) -> Collection[HourUsed]:
        """Hours that are over and were not told of; what is old is forgotten."""
        async with self._transaction() as connection:
            await connection.execute(OLD)
            return [
                HourUsed(row["scope"], row["began"], _amounts(row))
                for row in await connection.fetch(HOURS, EVERYBODY)
            ]

    async def told(self, hour: HourUsed) -> None:
        """Remembers that an hour was told of."""
        async with self._transaction() as connection:
            await connection.execute(TOLD, hour.provider, hour.began)

    async def reset(self, command_id: UUID, provider: str, at: datetime) -> bool:
        """Counts a provider from now on, in the windows around `at`; what is lent stays lent."""
        async with self._transaction() as connection:
            if not await connection.fetchval(OBEYED, command_id):
                return False
            rows = await connection.fetch(LOCK, [provider, EVERYBODY], WINDOWS, at)
            for row in rows:
                if row["scope"] == provider:
                    where = (row["span"], row["began"])
                    still = _amounts(await connection.fetchrow(LENT_OF, provider, *where))
                    spent = _row(_amounts(row) - still)
                    for scope in (provider, EVERYBODY):
                        await connection.execute(FORGET, scope, *where, *spent)
            return True

    async def standings(self, places: Sequence[Place]) -> Sequence[Standing]:
        """How these windows stand now."""
        async with self._transaction() as connection:
            found = []
            for one in (await _locked(connection, places))[1]:
                where = (one.place.scope, one.place.window, one.began)
                found.append(Standing(one, _amounts(await connection.fetchrow(LENT, *where))))
            return found

    async def close(self) -> None:
        """Ends the connection."""
        connection, self._connection = self._connection, None
        if connection:
            connection.terminate()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await connect(self._url, schema=OPERATION)
                    async with self._connection.transaction():
                        yield self._connection
            except AWAY as error:
                await self.close()
                text = f"budgets: {str(error) or type(error).__name__}"
                raise StoreAway(text) from error


async def _locked(
    connection: Connection, places: Sequence[Place]
) -> tuple[datetime, Sequence[Counted]]:
    """The database's time, and these windows as it stands in them; nobody else changes them now."""
    scopes = _scopes(places)
    await connection.execute(OPEN, scopes, WINDOWS, None)
    rows = await connection.fetch(LOCK, scopes, WINDOWS, None)
    by_place = {(place.scope, place.window): place for place in places}
    return rows[0]["at"], [
        Counted(by_place[row["scope"], row["span"]], row["began"], _amounts(row), _warned(row))
        for row in rows
    ]


def _scopes(places: Sequence[Place]) -> Sequence[str]:
    return sorted({place.scope for place in places})


def _warned(row: asyncpg.Record) -> Mapping[Measure, int]:
    return {measure: row[f"warned_{measure}"] for measure, _ in NOTHING.measures}


def _amounts(row: asyncpg.Record | None) -> Amounts:
    if row is None:
        return NOTHING
    return Amounts(row["requests"], row["tokens"], row["cost_usd"])


def _row(amounts: Amounts) -> tuple[int, int, Decimal]:
    return amounts.requests, amounts.tokens, amounts.cost_usd
