"""A chunk: whatever is reserved and settled in whatever order, its parts are the lease."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from streams.quota.amounts import Amounts
from streams.quota.chunk import Chunk, Lease

LEASE: Final = Lease(UUID(int=1), "openai", Amounts(10, 1000, Decimal("0.1")), 60.0)
SIZES: Final = st.builds(
    Amounts, st.integers(0, 4), st.integers(0, 400), st.decimals(0, "0.05", places=4)
)
STEPS: Final = st.lists(st.tuples(st.booleans(), st.integers(0, 5), SIZES), max_size=40)


def call(number: int) -> UUID:
    return UUID(int=100 + number)


def after(steps: list[tuple[bool, int, Amounts]], *, honest: bool) -> Chunk:
    """Reserves and settles; an honest vendor uses no more than was promised."""
    chunk = Chunk(LEASE)
    for reserves, number, size in steps:
        promised = chunk.promised.get(call(number))
        if reserves and promised is None:
            chunk = chunk.reserved(call(number), size) or chunk
        elif not reserves:
            fits = promised is None or promised.covers(size)
            chunk = chunk.settled(call(number), size if fits or not honest else promised or size)
    return chunk


@given(steps=STEPS, honest=st.booleans())
def test_what_is_used_promised_and_left_is_what_was_granted(
    steps: list[tuple[bool, int, Amounts]], *, honest: bool
) -> None:
    chunk = after(steps, honest=honest)

    assert sum(chunk.promised.values(), chunk.used + chunk.left) == LEASE.granted


@given(steps=STEPS)
def test_with_vendors_that_keep_to_the_estimate_no_more_is_used_than_was_granted(
    steps: list[tuple[bool, int, Amounts]],
) -> None:
    assert after(steps, honest=True).left.covers(Amounts())


@given(steps=STEPS, size=SIZES)
def test_a_call_is_settled_once(steps: list[tuple[bool, int, Amounts]], size: Amounts) -> None:
    chunk = after(steps, honest=False)

    once = chunk.settled(call(0), size)

    assert once.settled(call(0), size) == once


@given(steps=STEPS)
def test_what_is_given_back_is_what_is_left(steps: list[tuple[bool, int, Amounts]]) -> None:
    chunk = after(steps, honest=False)

    assert chunk.shrunk().lease.granted + chunk.left == LEASE.granted
    assert chunk.shrunk().left == Amounts()
