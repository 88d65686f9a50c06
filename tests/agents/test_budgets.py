"""Budgets of one worker: promises, settlements, a store that is away, limits nearly used up."""

from decimal import Decimal

import pytest

from schemas.attempts import ErrorClass, Usage
from streams.ports import StoreAway
from streams.providers.ports import (
    AT_HOME,
    Profile,
    ProviderError,
    Refusal,
    Reply,
    Reservation,
)
from streams.quota.amounts import ONE_REQUEST, Amounts
from streams.quota.limits import CHUNK_CALLS, SHARE, Caps, Limits
from streams.quota.ports import Terms
from tests.agents.spending import (
    REPLY,
    Bench,
    Named,
    bench,
    reserve,
    reserved,
    spent,
)


@pytest.mark.parametrize("limit", [0, 1, 7, 100, 1000])
async def test_a_limit_is_spent_to_its_last_request(limit: int) -> None:
    assert await spent(bench(limit).worker()) == limit


async def test_a_limit_that_is_used_up_says_which_and_until_when() -> None:
    refusal = await reserve(bench(0).worker())

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.error_class) == ("quota", "quota")
    assert refusal.detail == (
        "all providers together: the limit of 0 requests a day leaves no room for this call "
        "until 2026-11-26T00:00:00Z"
    )


async def test_what_nothing_limits_is_not_counted() -> None:
    place = bench(0)

    found = await reserve(place.worker(), Named("ollama", "llava", Profile(local=True)))

    assert isinstance(found, Reservation)
    assert (found.lease_id, place.store.taken) == (None, {})


async def test_who_calls_nobody_needs_no_budget() -> None:
    limits = Limits({}, {"motion": {"day": Caps(requests=0)}})

    found = await reserve(Bench(limits).worker(), Named("motion", "tracks", AT_HOME))

    assert isinstance(found, Reservation)


async def test_a_limit_of_money_refuses_who_has_no_price() -> None:
    limits = Limits({"day": Caps(cost_usd=Decimal(100))})

    refusal = await reserve(Bench(limits).worker(), Named("openai", "gpt-99-nova"))

    assert isinstance(refusal, Refusal)
    assert "the price of openai/gpt-99-nova is unknown" in refusal.detail


async def test_what_a_call_used_is_counted_and_not_what_it_was_promised() -> None:
    place = bench(1000)
    budgets = place.worker()

    await budgets.settle(await reserved(budgets), REPLY)
    await budgets.close()

    assert place.taken == Amounts(1, 1100, Decimal("0.00015"))


async def test_a_call_that_was_never_made_counts_nothing() -> None:
    place = bench(1000)
    budgets = place.worker()

    await budgets.settle(await reserved(budgets), None)
    await budgets.close()

    assert place.taken == Amounts()


@pytest.mark.parametrize("error_class", ["rate_limited", "auth", "server"])
async def test_a_call_that_no_vendor_charges_counts_as_a_request(error_class: ErrorClass) -> None:
    place = bench(1000)
    budgets = place.worker()

    await budgets.settle(await reserved(budgets), ProviderError(error_class, "no"))
    await budgets.close()

    assert place.taken == ONE_REQUEST


async def test_a_call_that_nobody_counted_counts_as_much_as_it_was_promised() -> None:
    place = bench(1000)
    budgets = place.worker()
    promised = await reserved(budgets)

    await budgets.settle(promised, ProviderError("timeout", "late"))
    await budgets.close()

    assert place.taken == Amounts(1, promised.tokens, promised.cost_usd or Decimal(0))


async def test_more_than_was_promised_is_counted_and_the_next_calls_have_less() -> None:
    place = bench(1000)
    budgets = place.worker()
    much = Reply(REPLY.answer, "gpt-6-luna", Usage(input_tokens=10**6, output_tokens=10**6))

    await budgets.settle(await reserved(budgets), much)
    await budgets.close()

    assert place.taken.tokens == 2 * 10**6


async def test_with_the_store_away_what_is_lent_is_spent_and_then_the_attempt_says_why() -> None:
    place = bench(CHUNK_CALLS * SHARE)
    budgets = place.worker()
    await reserved(budgets)

    place.store.away = True

    assert await spent(budgets) == CHUNK_CALLS - 1
    refusal = await reserve(budgets)
    assert isinstance(refusal, Refusal)
    assert refusal.detail.startswith("limits can't be checked")


async def test_when_the_store_is_back_the_rest_of_the_limit_is_spent() -> None:
    place = bench(100)
    budgets = place.worker()
    place.store.away = True
    await reserve(budgets)
    place.store.away = False
    place.clock.passed_s += 5

    assert await spent(budgets) == 100


async def test_what_is_idle_comes_back_before_its_time_is_over() -> None:
    place = bench(1000)
    budgets = place.worker()
    await budgets.settle(await reserved(budgets), REPLY)

    place.clock.passed_s += 60
    await budgets.look()

    assert place.taken.requests == 1


async def test_a_call_that_is_under_way_at_the_end_of_its_lease_is_settled_from_it() -> None:
    place = bench(1000)
    budgets = place.worker()
    promised = await reserved(budgets)
    place.clock.passed_s += 60
    await budgets.look()
    while_under_way = place.taken

    await budgets.settle(promised, REPLY)
    await budgets.look()

    assert (while_under_way.tokens, place.taken.tokens) == (promised.tokens, 1100)


async def test_what_a_dead_worker_did_not_begin_to_spend_can_be_spent_by_another() -> None:
    place = bench(100)
    dead = await reserved(place.worker(Terms(0.5, -0.5)))
    assert dead.lease_id is not None
    place.log.calls[dead.lease_id] = Amounts(1, dead.tokens)
    another = place.worker()

    await another.reconcile()

    assert await spent(another) == 99


async def test_a_limit_that_is_nearly_used_up_is_told_of_once_at_each_step() -> None:
    place = bench(100)
    budgets = place.worker()

    for _ in range(100):
        await budgets.settle(await reserved(budgets), REPLY)
        await budgets.look()

    assert [crossing.percent for crossing in place.heard.crossings] == [75, 90]


async def test_who_could_not_hear_is_told_again() -> None:
    place = bench(1)
    budgets = place.worker()
    place.heard.deaf = True
    await reserve(budgets)
    with pytest.raises(StoreAway):
        await budgets.look()

    place.heard.deaf = False
    await budgets.look()

    assert [crossing.percent for crossing in place.heard.crossings] == [90]
