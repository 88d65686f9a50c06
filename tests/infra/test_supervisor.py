"""The supervisor as `./vidette worker` becomes it, over children that are told how to end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.operation.endings import NEEDS_A_PERSON
from infra.settings import ROOT

PATIENT: Final = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print('up', *sys.argv[1:], flush=True)
while True: time.sleep(60)
"""
FRAIL: Final = f"""
import os, pathlib, signal
lives = pathlib.Path('lives')
count = int(lives.read_text()) if lives.exists() else 0
lives.write_text(str(count + 1))
if count < 2: os.kill(os.getpid(), signal.SIGSEGV)
{PATIENT}
"""


@dataclass(frozen=True)
class Supervised:
    """A supervisor, its children's output, and what it logs."""

    process: "subprocess.Popen[str]"
    said: Iterator[str]
    """Lines of both; the end of the output is an end of the test."""

    def logged(self, event: str) -> Mapping[str, object]:
        """The next line about this event."""
        lines = (json.loads(line) for line in self.said if line.startswith("{"))
        return next(line for line in lines if line["event"] == event)

    def child(self) -> str:
        """What the next child that comes up says."""
        return next(line.strip() for line in self.said if line.startswith("up"))


@contextmanager
def supervised(folder: Path, program: str, *, slots: int = 1) -> Iterator[Supervised]:
    command = [sys.executable, "-m", "infra.operation.supervisor", "3", str(slots)]
    process = subprocess.Popen(
        [*command, "--", sys.executable, "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        yield Supervised(process, iter(process.stdout.readline, ""))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_worker_that_crashes_is_started_again_and_the_signal_is_named(tmp_path: Path) -> None:
    with supervised(tmp_path, FRAIL) as found:
        deaths = [found.logged("supervisor.again")["cause"] for _ in range(2)]
        came_up = found.child()

    assert (deaths, came_up) == (["SIGSEGV", "SIGSEGV"], "up --slot 3")


def test_the_first_start_again_is_at_once_and_the_next_one_waits(tmp_path: Path) -> None:
    with supervised(tmp_path, FRAIL) as found:
        delays = [found.logged("supervisor.again")["again_in_s"] for _ in range(2)]

    assert delays == [0.0, 0.5]


def test_each_process_has_a_slot_of_its_own(tmp_path: Path) -> None:
    with supervised(tmp_path, PATIENT, slots=2) as found:
        came_up = {found.child(), found.child()}

    assert came_up == {"up --slot 3", "up --slot 4"}


def test_asked_to_end_it_asks_its_workers_and_waits_for_them(tmp_path: Path) -> None:
    with supervised(tmp_path, PATIENT, slots=2) as found:
        found.child(), found.child()
        found.process.terminate()
        causes = [found.logged("supervisor.ended")["status"] for _ in range(2)]
        status = found.process.wait(30)

    assert (causes, status) == ([0, 0], 0)


def test_where_only_a_person_can_help_all_end_and_the_status_says_so(tmp_path: Path) -> None:
    program = f"import sys\nif sys.argv[-1] == '4': sys.exit({NEEDS_A_PERSON})\n{PATIENT}"
    with supervised(tmp_path, program, slots=2) as found:
        found.logged("supervisor.gives_up")
        status = found.process.wait(30)

    assert status == NEEDS_A_PERSON


def test_a_worker_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    with supervised(tmp_path, PATIENT) as found:
        found.child()
        found.process.send_signal(signal.SIGKILL)
        rest = list(found.said)  # ends when nobody is left who could write

    assert rest == []
