"""The worker and the API as children that die with us, and what the worker tells of itself."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Final
from zlib import crc32

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from infra.services.endpoints import ServicesFailed
from infra.services.processes import Children, Ending
from infra.settings import ROOT, Settings

READY_MAX_S: Final = 60.0
ANSWER_MAX_S: Final = 2.0
ENDING: Final = Ending(SIGTERM, 25, orphaned=SIGKILL)
"""A worker drains for up to 20 s; of one that is killed nothing is lost either."""

FIRST_SLOT: Final = 9000
"""Slots of demos' workers, so that they don't fence a worker that somebody runs beside."""


COUNTED: Final = {
    "vidette_records_received_total": "received",
    "vidette_records_published_total": "published",
    "vidette_records_dead_total": "dead",
    "vidette_lag_records": "lag",
}
LOOK_S: Final = 0.05
RESTARTS_MAX: Final = 3


@dataclass(frozen=True)
class Step:
    """A step's counters since its worker started, and how many records wait for it."""

    received: int = 0
    published: int = 0
    dead: int = 0
    lag: int = 0


@dataclass(frozen=True)
class Child:
    """One `python -m infra …`, its log, and where in it this run begins."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    begins: int

    def said(self) -> Iterator[Mapping[str, object]]:
        """The structured lines that it has logged so far."""
        with self.log.open("rb") as file:
            file.seek(self.begins)
            for line in file:
                try:
                    yield msgspec.json.decode(line[line.find(b"{") :], type=dict[str, object])
                except msgspec.DecodeError:
                    continue  # a traceback, or half a line; Faust puts terminal codes before some

    def metrics(self) -> str | None:
        """Where a worker tells its metrics; None before it is ready."""
        lines = (line for line in self.said() if line.get("event") == "worker.ready")
        return next((str(line["metrics"]) for line in lines), None)

    def complaint(self) -> ServicesFailed | None:
        """What to tell a person when it has ended; None while it lives."""
        status = self.process.poll()
        if status is None:
            return None
        text = f"the {self.name} ended (status {status}); {self.log} says why"
        last = next((line for line in reversed(list(self.said())) if "error" in line), {})
        return ServicesFailed(f"{text}: {last['error']}" if "error" in last else text)


@dataclass
class Kept:
    """A child that is started again when it ends by itself; nothing is lost by that."""

    start: Callable[[], Child]
    child: Child = field(init=False)
    restarts: int = 0

    def __post_init__(self) -> None:
        self.child = self.start()

    def keep(self) -> str | None:
        """Starts it again if it has ended; returns what to say of that."""
        complaint = self.child.complaint()
        if complaint is None:
            return None
        if self.restarts == RESTARTS_MAX:
            raise complaint
        self.restarts += 1
        self.child = self.start()
        return f"{complaint}; it was started again"


@dataclass(frozen=True)
class Program:
    """How the commands of this project are started as children of the demo."""

    settings: Settings
    children: Children = field(default_factory=Children)

    def start(self, name: str, *options: str, **environment: str) -> Child:
        """Starts `python -m infra NAME …` in our folder with its log in the demo's folder."""
        log = self.settings.folder / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        variables = {
            "PYTHONSAFEPATH": "1",  # the current folder may hold another `agents`
            "PYTHONPATH": str(ROOT),
            "VIDETTE_FOLDER": str(self.settings.folder),
            **environment,
        }
        # `env` adds to the environment, which only the settings may read.
        assigned = [f"{key}={value}" for key, value in variables.items()]
        command = [_env(), *assigned, sys.executable, "-m", "infra", name, *options]
        begins = log.stat().st_size if log.exists() else 0
        process = self.children.start(command, ending=ENDING, log=log, folder=Path.cwd())
        return Child(name, process, log, begins if begins <= log.stat().st_size else 0)

    def worker(self) -> Child:
        """All steps; clips of the demo are allowed whatever the settings allow.

        Without an order that somebody has set, nobody is asked who wants to be paid.
        """
        allowed = {}
        if not self.settings.ai_provider_order:
            allowed["VIDETTE_AI_PROVIDER_ORDER"] = "motion"
        if self.settings.clip_folders:
            folders = (*self.settings.clip_folders, self.settings.folder / "demo")
            allowed["VIDETTE_CLIP_FOLDERS"] = os.pathsep.join(map(str, folders))
        slot = FIRST_SLOT + crc32(str(self.settings.folder).encode()) % 1000
        alone = ("--processes", "0")  # the demo itself starts it again
        return self.start("worker", *alone, VIDETTE_SLOT=str(slot), **allowed)

    def api(self, port: int) -> Child:
        """The HTTP API."""
        return self.start("api", VIDETTE_API_PORT=str(port))


@contextmanager
def program(settings: Settings) -> Iterator[Program]:
    """Ends every child when the context ends, however it ends."""
    children = Children()
    try:
        yield Program(settings, children)
    finally:
        children.close()


def free_port(host: str, wanted: int) -> int:
    """The wanted port if it can be had, else another one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0):
        try:
            with socket.create_server((host, port), family=family) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    text = f"no port is free on {host}: set VIDETTE_API_PORT to one that is."
    raise ServicesFailed(text)


async def ready(worker: Child) -> None:
    """Returns when the worker has joined its groups. Raises ServicesFailed."""
    try:
        async with asyncio.timeout(READY_MAX_S):
            while worker.metrics() is None:
                if complaint := worker.complaint():
                    raise complaint
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        text = f"the worker was not ready within {READY_MAX_S:.0f} s; see {worker.log}"
        raise ServicesFailed(text) from error


async def steps(client: httpx.AsyncClient, worker: Child) -> Mapping[str, Step] | None:
    """The worker's counters, by step; None when it does not answer."""
    url = worker.metrics()
    if url is None:
        return None
    try:
        answer = await client.get(url, timeout=ANSWER_MAX_S)
    except httpx.HTTPError:
        return None
    return parsed(answer.text)


def parsed(text: str) -> Mapping[str, Step]:
    """Prometheus's text, summed over topics, partitions and reasons."""
    sums: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in COUNTED:
                sums[sample.labels.get("step", ""), COUNTED[sample.name]] += int(sample.value)
    names = dict.fromkeys(step for step, _ in sums)
    return {name: Step(**{k: sums[name, k] for k in COUNTED.values()}) for name in names}


def _env() -> str:
    found = shutil.which("env")
    if found is None:
        text = "the program `env` is missing: install coreutils."
        raise ServicesFailed(text)
    return found
