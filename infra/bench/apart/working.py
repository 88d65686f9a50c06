"""Processes of ours that a bench runs and looks at from outside: what they spend and hold."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psutil

from infra.bench.place import Place
from infra.services.endpoints import ServicesFailed
from infra.settings import ROOT, environment

READY: Final = "worker.ready"
READY_MAX_S: Final = 60.0
STOP_MAX_S: Final = 30.0
LOOK_S: Final = 0.1


@contextmanager
def working(place: Place, steps: Sequence[str]) -> Iterator[psutil.Process]:
    """`./vidette worker` with its process below it, once its steps are at work."""
    log = place.settings.folder / "worker.log"
    words = (sys.executable, "-m", "infra", "worker", "--steps", ",".join(steps))
    with log.open("wb") as said, environment(place.variables(log_level="info")):
        process = subprocess.Popen(words, cwd=ROOT, stdout=said, stderr=said)
    try:
        ends = time.monotonic() + READY_MAX_S
        while READY not in log.read_text("utf-8", "replace"):
            if process.poll() is not None or time.monotonic() > ends:
                text = f"the worker did not start: {log.read_text('utf-8', 'replace')[-500:]}"
                raise ServicesFailed(text)
            time.sleep(LOOK_S)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_MAX_S)
        finally:
            process.kill()


def tree(root: psutil.Process) -> list[psutil.Process]:
    """The process and all below it."""
    return [root, *root.children(recursive=True)]


def spent_s(root: psutil.Process) -> float:
    """Seconds of CPU that the processes have had."""
    times = [process.cpu_times() for process in tree(root)]
    return sum(each.user + each.system for each in times)


def held_mb(root: psutil.Process) -> float:
    """Memory, what several of them share counted once (PSS)."""
    return sum(process.memory_full_info().pss for process in tree(root)) / 1e6
