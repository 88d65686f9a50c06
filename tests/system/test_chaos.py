"""Chaos: everything is broken at random, by a printed seed; nothing is lost and nothing doubled.

`./vidette chaos --seed N` repeats a run by hand.
"""

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest

from infra.chaos.plan import KINDS
from infra.settings import ROOT

SEED: Final = 20
END_MAX_S: Final = 120
CLASSIC_S: Final = 120
LONG_S: Final = 720
"""Ten minutes, and what a busy machine needs for a hundred faults: most of it is recovery."""
FIRST_FAULT: Final = re.compile(r"^\S+   1 ", re.MULTILINE)


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    status: int
    facts: dict[str, object]
    said: str


def started(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "infra", "chaos", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(seconds: int, seed: int, *more: str) -> Done:
    chaos = started("--seconds", str(seconds), "--seed", str(seed), *more, "--json")
    out, said = chaos.communicate(timeout=2 * seconds + END_MAX_S)
    print(said)  # noqa: T201  # what pytest shows of a failure; the seed and every id are in it
    return Done(chaos.returncode, json.loads(out.splitlines()[-1]), said)


@pytest.fixture(scope="module")
def minute() -> Done:
    """A minute in which things break."""
    return ran(60, SEED)


def test_nothing_is_missing_and_nothing_extra_after_a_minute_of_chaos(minute: Done) -> None:
    found = {name: minute.facts[name] for name in ("missing", "extra", "broken", "trouble")}

    assert found == {"missing": 0, "extra": 0, "broken": {}, "trouble": ""}, minute.said
    assert minute.status == 0


def test_log_and_table_of_the_minute_hold_the_same(minute: Done) -> None:
    assert minute.facts["in_log"] == minute.facts["in_table"]


def test_something_was_broken_in_that_minute_and_recovered(minute: Done) -> None:
    faults = minute.facts["faults"]

    assert isinstance(faults, dict)
    assert sum(faults.values()) >= 5
    assert minute.facts["recoveries_s"]


def test_ctrl_c_ends_it_and_leaves_nothing_behind() -> None:
    chaos = started("--seconds", "600", "--seed", str(SEED))
    assert chaos.stderr is not None
    told = until_the_first_fault(chaos)
    home = told.partition("logs are in ")[2].split()[0]
    began = processes_of(home)
    chaos.send_signal(signal.SIGINT)
    chaos.communicate(timeout=END_MAX_S)

    assert began
    assert chaos.returncode == 128 + signal.SIGINT
    assert (processes_of(home), Path(home).exists()) == ([], False)
    assert home not in Path("/proc/mounts").read_text()


def until_the_first_fault(chaos: "subprocess.Popen[str]") -> str:
    told = ""
    while not FIRST_FAULT.search(told):
        assert chaos.poll() is None, told
        told += chaos.stderr.readline() if chaos.stderr else ""
    return told


def processes_of(home: str) -> list[int]:
    """Whose command names a file of this run."""
    return [one.pid for one in psutil.process_iter() if names(one, home)]


def names(process: psutil.Process, home: str) -> bool:
    try:
        return any(home in word for word in process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.long
def test_nothing_is_missing_and_nothing_extra_with_the_classic_protocol() -> None:
    done = ran(CLASSIC_S, SEED, "--protocol", "classic")

    assert done.status == 0, done.said


@pytest.mark.long
def test_nothing_is_missing_and_nothing_extra_after_a_hundred_faults_of_every_kind() -> None:
    done = ran(LONG_S, SEED)
    faults = done.facts["faults"]

    assert done.status == 0, done.said
    assert isinstance(faults, dict)
    assert sum(faults.values()) >= 100
    assert set(faults) == {kind.name for kind in KINDS}
