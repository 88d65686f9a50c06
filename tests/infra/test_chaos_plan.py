"""The plan of a chaos run: nothing but its seed decides it."""

from itertools import islice

import pytest

from infra.chaos.plan import KINDS, RECOVERY_EVERY, plan

MANY = 10 * len(KINDS)


def test_a_seed_plans_the_same_faults_again() -> None:
    assert list(islice(plan(7), MANY)) == list(islice(plan(7), MANY))


def test_another_seed_plans_others() -> None:
    assert list(islice(plan(7), MANY)) != list(islice(plan(8), MANY))


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_comes_before_any_comes_again(seed: int) -> None:
    kinds = [fault.kind for fault in islice(plan(seed), len(KINDS))]

    assert sorted(kinds) == sorted(KINDS)


def test_every_fifth_fault_waits_for_recovery() -> None:
    waiting = [fault.number for fault in islice(plan(1), MANY) if fault.precedes_recovery]

    assert waiting == list(range(RECOVERY_EVERY, MANY + 1, RECOVERY_EVERY))


def test_what_is_left_out_is_never_planned() -> None:
    some = KINDS[:3]

    assert {fault.kind for fault in islice(plan(1, some), MANY)} == set(some)
