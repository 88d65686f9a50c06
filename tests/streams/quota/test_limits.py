"""What may be lent, when somebody is told, what is foreseen."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.quota.amounts import NOTHING, Amounts, Window, began, ends
from streams.quota.limits import (
    CHUNK_CALLS,
    Caps,
    Counted,
    Limits,
    Place,
    Short,
    crossings,
    exhausted_at,
    lent,
)

NOON: Final = datetime(2026, 2, 14, 12, 30, 15, tzinfo=UTC)
CALL: Final = Amounts(1, 100, Decimal("0.01"))
LIMITS: Final = Limits(
    {"day": Caps(requests=10)}, {"openai": {"hour": Caps(tokens=500)}, "ollama": {"day": Caps(5)}}
)


def counted(caps: Caps, taken: Amounts = NOTHING, told: int = 0) -> Counted:
    midnight = NOON.replace(hour=0, minute=0, second=0)
    return Counted(Place("openai", "day", caps), midnight, taken, {"requests": told})


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("hour", "2026-02-14T12:00", "2026-02-14T13:00"),
        ("day", "2026-02-14T00:00", "2026-02-15T00:00"),
        ("month", "2026-02-01T00:00", "2026-03-01T00:00"),
    ],
)
def test_windows_are_those_of_the_calendar_in_utc(window: Window, start: str, end: str) -> None:
    first = began(window, NOON)

    assert (first.isoformat()[:16], ends(window, first).isoformat()[:16]) == (start, end)


def test_a_call_counts_in_every_window_of_its_provider_and_of_all_together() -> None:
    places = LIMITS.places("grok", local=False)

    assert [(place.scope, place.window) for place in places] == [
        (scope, window) for scope in ("grok", "*") for window in ("hour", "day", "month")
    ]


def test_what_never_leaves_the_site_is_limited_only_by_name() -> None:
    assert LIMITS.places("motion", local=True) == ()
    assert {place.scope for place in LIMITS.places("ollama", local=True)} == {"ollama"}


def test_where_nothing_is_limited_nothing_is_counted() -> None:
    assert Limits().places("openai", local=False) == ()


def test_the_last_call_that_a_limit_allows_is_lent_and_no_more() -> None:
    assert lent(CALL, [counted(Caps(requests=10), CALL.times(9))]) == CALL


def test_one_window_that_is_used_up_refuses_whatever_the_others_allow() -> None:
    full = counted(Caps(cost_usd=Decimal("0.10")), CALL.times(10))

    short = lent(CALL, [counted(Caps(requests=10_000)), full])

    assert isinstance(short, Short)
    assert (short.measure, short.until) == ("cost_usd", full.ends)


def test_a_limit_that_was_exceeded_refuses_even_what_needs_nothing_of_it() -> None:
    beyond = counted(Caps(cost_usd=Decimal("0.10")), Amounts(1, 1, Decimal("0.11")))

    assert isinstance(lent(Amounts(1, 1), [beyond]), Short)


@given(
    caps=st.builds(
        Caps,
        requests=st.none() | st.integers(0, 500),
        tokens=st.none() | st.integers(0, 50_000),
        cost_usd=st.none() | st.decimals(0, 5, places=4),
    ),
    taken=st.builds(
        Amounts, st.integers(0, 500), st.integers(0, 50_000), st.decimals(0, 5, places=4)
    ),
)
def test_what_is_lent_never_exceeds_a_limit_and_is_refused_only_when_one_call_would(
    caps: Caps, taken: Amounts
) -> None:
    one = counted(caps, taken)
    grant = lent(CALL, [one])

    more = taken + (CALL if isinstance(grant, Short) else grant)
    over = [m for m, sum_ in more.measures if (cap := caps.of(m)) is not None and sum_ > cap]
    assert bool(over) == isinstance(grant, Short)


def test_a_lease_is_for_so_many_calls_at_most() -> None:
    assert lent(CALL, [counted(Caps(requests=10**6))]) == CALL.times(CHUNK_CALLS)


@pytest.mark.parametrize(
    ("used", "told", "percents"),
    [(74, 0, []), (75, 0, [75]), (89, 75, []), (90, 75, [90]), (95, 0, [90]), (100, 90, [])],
)
def test_a_limit_that_is_nearly_used_up_is_told_once_at_each_step(
    used: int, told: int, percents: list[int]
) -> None:
    one = counted(Caps(requests=100), Amounts(used), told)

    assert [crossing.percent for crossing in crossings(one, NOON)] == percents


def test_what_goes_on_as_before_is_used_up_when_the_line_says() -> None:
    start = NOON - timedelta(hours=6)

    assert exhausted_at(start, NOON, Decimal(75), Decimal(100)) == start + timedelta(hours=8)


def test_what_was_not_used_at_all_is_never_used_up() -> None:
    assert exhausted_at(NOON, NOON, Decimal(0), Decimal(100)) is None
