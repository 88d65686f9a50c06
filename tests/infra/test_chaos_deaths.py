"""A worker that dies of itself is told from one that failed for want of a server."""

import sys
from pathlib import Path

import pytest

from infra.chaos.fleet import ENDING, Fleet, Member
from infra.services.processes import Children


def ended(folder: Path, program: str) -> Fleet:
    """A fleet whose one worker has run this program."""
    children = Children()
    fleet = Fleet(folder / "no-brief", folder, lambda _: None, children)
    command = [sys.executable, "-c", program]
    process = children.start(command, ending=ENDING, log=folder / "log", folder=folder)
    process.wait()
    fleet.members.append(Member("enrich", 0, process))
    try:
        fleet.tend()
    finally:
        fleet.close()
    return fleet


@pytest.mark.parametrize(
    ("program", "unexplained"),
    [
        ("import os; os.kill(os.getpid(), 11)", ["enrich-0: SIGSEGV"]),
        ("raise SystemExit(78)", ["enrich-0: only a person can help"]),
        ("raise SystemExit(1)", []),
    ],
)
def test_a_death_is_explained_when_a_fault_may_be_its_cause(
    tmp_path: Path, program: str, unexplained: list[str]
) -> None:
    fleet = ended(tmp_path, program)

    assert (len(fleet.deaths), fleet.unexplained) == (1, unexplained)
