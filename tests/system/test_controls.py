"""Negative controls: a Vidette that does one thing wrong must fail the chaos checker.

Each control meets faults in a fixed order that make its mistake show (infra/chaos/faults).
The same faults without the control must find nothing, so it is the mistake that is found.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

import pytest

from infra.settings import ROOT

SEED: Final = 5
END_MAX_S: Final = 300
AN_ID: Final = re.compile(
    r"^[0-9:.]{15}   [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.MULTILINE
)

CONTROLS: Final = {
    "commits-first": ("kill-recorders", "acknowledged, and neither row nor letter"),
    "uncompared": ("kill-database", "in the log, and neither row nor letter"),
    "unleased": ("freeze-recorder", "more inferences than reports"),
    "without-bitmap": ("kill-describe-unseen", "more outcomes than clips"),
}
"""What is wrong, the faults that show it, and the rule that is broken then."""

HONEST: Final = (
    ("kill-recorders", ""),
    ("kill-database", ""),
    ("kill-database", "forgetful"),
    ("freeze-recorder", ""),
    ("kill-describe-unseen", ""),
)
"""A sink that forgets a write whose answer was lost is no loss: the ledger's comparison sees it."""

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    status: int
    broken: dict[str, int]
    said: str


def ran(script: str, control: str) -> Done:
    words = ("chaos", "--seed", str(SEED), "--script", script, "--control", control, "--json")
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=END_MAX_S,
        check=False,
    )
    print(done.stderr)  # noqa: T201  # what pytest shows of a failure
    return Done(done.returncode, json.loads(done.stdout.splitlines()[-1])["broken"], done.stderr)


@pytest.mark.parametrize("control", CONTROLS)
def test_what_a_control_does_wrong_is_found_id_by_id(control: str) -> None:
    script, rule = CONTROLS[control]
    done = ran(script, control)

    assert done.status == 1
    assert rule in done.broken
    assert AN_ID.search(done.said)


@pytest.mark.parametrize(("script", "control"), HONEST)
def test_the_same_faults_find_nothing_where_nothing_is_wrong(script: str, control: str) -> None:
    done = ran(script, control)

    assert done.broken == {}
    assert done.status == 0
