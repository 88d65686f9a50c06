"""One suite for everything that keeps budgets."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from connectors.memory.quota.budgets import MemoryBudgets
from connectors.postgres.budgets import PostgresBudgets
from streams.ports import StoreAway
from streams.quota.amounts import NOTHING, Amounts
from streams.quota.limits import Caps, Limits, Short, crossings
from streams.quota.ports import BudgetStore, Granted, Standing, Terms
from tests.embedded import Database

TEN: Final = Limits({"month": Caps(requests=10)}, {"openai": {"month": Caps(cost_usd=Decimal(1))}})
CALL: Final = Amounts(1, 100, Decimal("0.0123"))
TERMS: Final = Terms(60.0, 60.0)
OVER: Final = Terms(0.0, 0.0)
"""Of a worker that died long ago."""


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a database; None for the twin."""
    if request.param == "memory":
        return None
    database: Database = request.getfixturevalue("database")
    return database.url


@pytest.fixture
async def store(url: str | None) -> AsyncIterator[BudgetStore]:
    if url is None:
        yield MemoryBudgets()
        return
    postgres = PostgresBudgets(url)
    yield postgres
    await postgres.close()


async def leased(
    store: BudgetStore,
    provider: str = "openai",
    need: Amounts = CALL,
    terms: Terms = TERMS,
    limits: Limits = TEN,
) -> Granted | Short:
    places = limits.places(provider, local=False)
    return await store.lease(provider, "worker-1", places, need, terms)


async def granted(
    store: BudgetStore, need: Amounts = CALL, terms: Terms = TERMS, provider: str = "openai"
) -> Granted:
    found = await leased(store, provider, need, terms)
    assert isinstance(found, Granted)
    return found


async def standing(store: BudgetStore, scope: str = "*", window: str = "month") -> Standing:
    places = TEN.places("openai", local=False)
    found = await store.standings(places)
    return next(
        one
        for one in found
        if (one.counted.place.scope, one.counted.place.window) == (scope, window)
    )


async def test_what_is_lent_is_taken_in_every_window(store: BudgetStore) -> None:
    await granted(store)

    found = await store.standings(TEN.places("openai", local=False))

    assert [(one.counted.taken, one.lent) for one in found] == [(CALL, CALL)] * 6


async def test_another_provider_takes_from_all_together_and_not_from_this_one(
    store: BudgetStore,
) -> None:
    await granted(store, provider="grok")

    assert (await standing(store)).counted.taken == CALL
    assert (await standing(store, "openai")).counted.taken == NOTHING


async def test_the_limit_is_lent_to_the_last_call_and_then_refused(store: BudgetStore) -> None:
    for _ in range(10):
        await granted(store)

    short = await leased(store)

    assert isinstance(short, Short)
    assert (short.scope, short.window, short.measure) == ("*", "month", "requests")


async def test_what_is_refused_is_taken_nowhere(store: BudgetStore) -> None:
    dear = Amounts(1, 100, Decimal("1.01"))

    assert isinstance(await leased(store, need=dear), Short)
    assert (await standing(store)).counted.taken == NOTHING


async def test_what_is_given_back_can_be_lent_again(store: BudgetStore) -> None:
    lease = await granted(store)

    await store.keep(lease.id, NOTHING, closes=True)

    found = await standing(store)
    assert (found.counted.taken, found.lent) == (NOTHING, NOTHING)


async def test_what_a_closed_lease_used_stays_taken_and_is_lent_to_nobody(
    store: BudgetStore,
) -> None:
    lease = await granted(store)
    used = Amounts(1, 40, Decimal("0.0009"))

    await store.keep(lease.id, used, closes=True)

    found = await standing(store)
    assert (found.counted.taken, found.lent) == (used, NOTHING)


async def test_a_lease_may_shrink_before_it_is_closed(store: BudgetStore) -> None:
    lease = await granted(store)
    promised, used = Amounts(1, 80, Decimal("0.01")), Amounts(1, 60, Decimal("0.005"))

    await store.keep(lease.id, promised, closes=False)
    still = (await standing(store)).lent
    await store.keep(lease.id, used, closes=True)

    assert (still, (await standing(store)).counted.taken) == (promised, used)


async def test_more_than_was_lent_counts_too(store: BudgetStore) -> None:
    lease = await granted(store)
    used = Amounts(1, 100_000, Decimal("0.9"))

    await store.keep(lease.id, used, closes=True)

    assert (await standing(store)).counted.taken == used


async def test_a_closed_lease_stays_as_it_is(store: BudgetStore) -> None:
    lease = await granted(store)
    await store.keep(lease.id, CALL, closes=True)

    await store.keep(lease.id, NOTHING, closes=True)

    assert (await standing(store)).counted.taken == CALL


async def test_a_lease_whose_time_is_over_is_lost_and_one_at_a_time_is_told(
    store: BudgetStore,
) -> None:
    lease = await granted(store, terms=OVER)
    await granted(store)

    found = list(await store.lost())

    assert [(one.id, one.provider, one.granted) for one in found] == [(lease.id, "openai", CALL)]
    assert list(await store.lost()) == []


async def test_what_was_told_of_a_window_is_not_told_again(store: BudgetStore) -> None:
    for _ in range(7):
        await granted(store)
    lease = await granted(store)
    told = [crossing for one in lease.counted for crossing in crossings(one, lease.at)]

    for crossing in told:
        await store.warned(crossing)

    again = (await standing(store)).counted
    assert ([one.percent for one in told], list(crossings(again, lease.at))) == ([75], [])


async def test_a_reset_forgets_what_a_provider_used_and_keeps_what_is_lent(
    store: BudgetStore,
) -> None:
    spent = await granted(store)
    await store.keep(spent.id, CALL, closes=True)
    await granted(store)
    other = await granted(store, provider="grok")
    await store.keep(other.id, CALL, closes=True)

    await store.reset(uuid4(), "openai", datetime.now(UTC))

    assert (await standing(store, "openai")).counted.taken == CALL
    assert (await standing(store)).counted.taken == CALL.times(2)


async def test_a_command_is_obeyed_once(store: BudgetStore) -> None:
    command = uuid4()

    first = await store.reset(command, "openai", datetime.now(UTC))
    await granted(store)

    assert (first, await store.reset(command, "openai", datetime.now(UTC))) == (True, False)


async def test_a_reset_of_another_month_changes_nothing(store: BudgetStore) -> None:
    lease = await granted(store)
    await store.keep(lease.id, CALL, closes=True)

    await store.reset(uuid4(), "openai", datetime.now(UTC) - timedelta(days=40))

    assert (await standing(store, "openai")).counted.taken == CALL


async def test_an_hour_that_goes_on_is_not_told_of(store: BudgetStore) -> None:
    lease = await granted(store)
    await store.keep(lease.id, CALL, closes=True)

    assert list(await store.hours()) == []


async def test_an_hour_that_is_over_is_told_of_once_nothing_of_it_is_lent(
    database: Database,
) -> None:
    store = PostgresBudgets(database.url)
    lease = await granted(store)
    connection = await asyncpg.connect(database.admin_url)
    try:
        for statement in (
            "update operation.budget_windows set began = began - interval '1 hour'",
            "update operation.budget_leases set granted_at = granted_at - interval '1 hour'",
        ):
            await connection.execute(statement)
    finally:
        await connection.close()

    while_lent = list(await store.hours())
    await store.keep(lease.id, CALL, closes=True)
    after = list(await store.hours())
    for hour in after:
        await store.told(hour)

    assert (while_lent, len(after), list(await store.hours())) == ([], 1, [])
    await store.close()


async def test_a_database_that_is_away_is_said_to_be(database: Database) -> None:
    away = PostgresBudgets(database.url.replace(database.name, "nobody_made_this"))

    with pytest.raises(StoreAway, match="nobody_made_this"):
        await away.lost()
