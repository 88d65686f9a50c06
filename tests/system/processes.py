"""Processes of ours under test: workers, started, killed and stopped, and commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pytest

from infra.settings import ROOT
from tests.system.site import Site

T = TypeVar("T")

DEADLINE_S: Final = 180.0
"""For a machine that has much else to do; nothing waits for it but a failure."""
POLL_S: Final = 0.1
PROTOCOLS: Final = ("consumer", pytest.param("classic", marks=pytest.mark.long))
"""Of a group's members, `VIDETTE_KAFKA_GROUP_PROTOCOL`: both pass the same tests."""

COMMAND: Final = (sys.executable, "-m", "infra")


@dataclass(frozen=True)
class Worker:
    """A worker process and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to stop; its exit status."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def until(self, seen: Callable[[], T | None]) -> T:
        """Looks again until there is something to see, the worker has died, or it is too late."""

        def seen_alive() -> T | None:
            found = seen()
            if not found:
                assert self.process.poll() is None, f"the worker has ended:\n{self.said()}"
            return found

        return until(seen_alive, self.said)

    def said(self) -> str:
        """The end of its standard error."""
        return self.log.read_text(errors="replace")[-6000:]

    def lines(self, event: str) -> Iterator[Mapping[str, object]]:
        """Everything that it has logged about this event."""
        for line in self.log.read_bytes().splitlines():
            try:
                said = json.loads(line[line.find(b"{") :])
            except ValueError:
                continue  # a stack, or half a line; Faust puts terminal codes before some
            if said.get("event") == event:
                yield said


def until(
    seen: Callable[[], T | None], said: Callable[[], str] = str, deadline_s: float = DEADLINE_S
) -> T:
    """Looks again until there is something to see, or it is too late; then `said` tells more."""
    ends = time.monotonic() + deadline_s
    while True:
        found = seen()
        if found:
            return found
        assert time.monotonic() < ends, f"nothing within {deadline_s} s:\n{said()}"
        time.sleep(POLL_S)


@contextmanager
def working(site: Site, *words: str, **settings: str) -> Iterator[Worker]:
    """A worker, by default of all steps; `words` are further ones of the command."""
    # what is killed must be the worker, no supervisor
    with process(site, *COMMAND, "worker", "--processes", "0", *words, **settings) as worker:
        yield worker


@contextmanager
def buggy(site: Site, **settings: str) -> Iterator[Worker]:
    """A worker whose agents have bugs, under a supervisor."""
    supervisor = (sys.executable, "-m", "infra.operation.supervisor", "0", "1", "--")
    bugs = (sys.executable, "-m", "tests.system.buggy_worker")
    with process(site, *supervisor, *bugs, **settings) as worker:
        yield worker


@contextmanager
def process(site: Site, *program: str, **settings: str) -> Iterator[Worker]:
    """A program in a process group of its own that is gone at the end."""
    log = site.folder / f"worker-{time.monotonic_ns()}.log"
    with log.open("wb") as said:
        started = subprocess.Popen(
            program,
            cwd=ROOT,
            env=site.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield Worker(started, log)
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)  # decoders, if they outlived it


def command(site: Site, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`./vidette …` on this site."""
    return subprocess.run(
        (*COMMAND, *words),
        cwd=ROOT,
        env=site.environment(**settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
