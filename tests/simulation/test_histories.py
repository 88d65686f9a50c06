"""The whole topology in memory, under random trouble, from one printed seed."""

import subprocess
import sys

import pytest

from infra.settings import ROOT
from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import WRONG

HISTORIES = 2_000
HISTORIES_LONG = 30_000
SEEDS_MAX = 1_000
"""Within so many histories a broken part must be found."""

RARE = {"one partition speaks for all": 480, "a ledger without compare-and-set": 440}
"""What few histories show is looked for from there on."""

ALONE = (
    "/usr/bin/env",
    *("-u", "COVERAGE_PROCESS_CONFIG", "-u", "COVERAGE_PROCESS_START"),  # thrice as slow otherwise
    *("PYTHONHASHSEED=0", f"PYTHONPATH={ROOT}"),
)


def told(first: int, count: int, *mutation: str) -> tuple[int, str]:
    """The exit status of so many histories, and the first that does not add up."""
    run = [sys.executable, "-m", "tests.simulation.run", str(first), str(count), *mutation]
    done = subprocess.run([*ALONE, *run], cwd=ROOT, capture_output=True, text=True, check=False)
    seed = done.stdout.partition("\n")[0].removeprefix("seed ")
    again = f"./vidette test -- tests/simulation -k histories --seed {seed}"
    return done.returncode, f"{done.stdout}{done.stderr}\nTo see it again: {again}"


def test_random_histories_lose_nothing_and_double_nothing(pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("--seed")
    first, count = (0, HISTORIES) if seed is None else (seed, 1)

    status, story = told(first, count)

    assert status == 0, story


@pytest.mark.long
def test_many_more_histories_lose_nothing_and_double_nothing() -> None:
    status, story = told(1_000_000, HISTORIES_LONG)

    assert status == 0, story


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_part_is_found(mutation: str) -> None:
    status, story = told(RARE.get(mutation, 0), SEEDS_MAX, mutation)

    assert status == WRONG, story


def test_a_seed_tells_the_same_history_again() -> None:
    mutation = next(iter(MUTATIONS))

    assert told(0, SEEDS_MAX, mutation) == told(0, SEEDS_MAX, mutation)
