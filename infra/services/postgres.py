"""One PostgreSQL 18 on loopback TCP, from the bundled programs; passwords always, sockets never."""

import hashlib
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.services.endpoints import ServicesFailed
from infra.services.places import Place, give
from infra.services.processes import Children, Ending, Identity
from infra.services.record import HOST, Record

ENDING = Ending(signal.SIGINT, 20, orphaned=signal.SIGQUIT)
"""A fast shutdown: sessions are cut, data is written. Orphaned it stops at once, recovers later."""

STRAYS = Ending(signal.SIGQUIT, 10, orphaned=signal.SIGQUIT)

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

ACCESS = f"host all all {HOST}/32 scram-sha-256\n"

# In single-user mode each line is a statement; what is there already is only reported.
ROLES = """\
ALTER ROLE postgres PASSWORD '{record.admin_password}'
CREATE ROLE vidette_app
ALTER ROLE vidette_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{record.app_password}'
CREATE DATABASE vidette OWNER postgres
"""


@dataclass(frozen=True)
class Postgres:
    """Where this server lives and answers."""

    place: Place
    record: Record
    log: Path

    name = "PostgreSQL"
    ending = ENDING
    ending_of_strays = STRAYS

    @property
    def identity(self) -> Identity:
        """Never root."""
        return self.place.identity

    def prepare(self, children: Children) -> None:
        """Makes cluster, roles and database where they are missing; raises `ServicesFailed`."""
        home = self.place.home
        access = home / "pg_hba.conf"
        access.write_text(ACCESS)
        give(access, self.place.identity)
        if not self._data.exists():
            self._make_cluster(children)
        # No process is left (see `end_strays`), but another program may have the id that it names.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        known = home / "passwords.sha256"
        passwords = f"{self.record.admin_password}:{self.record.app_password}"
        digest = hashlib.sha256(passwords.encode()).hexdigest()
        if not known.exists() or known.read_text() != digest:
            self._set_passwords(children)
            known.write_text(digest)

    def command(self) -> Sequence[str | Path]:
        """What runs it."""
        settings = SETTINGS | {
            "port": str(self.record.postgres_port),
            "hba_file": str(self.place.home / "pg_hba.conf"),
        }
        options = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        return (self.place.programs / "postgres", "-D", self._data, *options)

    def owns(self, words: Sequence[str], folder: Path | None) -> bool:
        """Whether a process is this server or one of its own children."""
        if Path(words[0].partition(":")[0]).name != "postgres":
            return False
        return folder == self._data or ("-D" in words and str(self._data) in words)

    def answers(self, pid: int) -> bool:
        """Whether it takes connections: what `pg_ctl` looks at too, line 8 of `postmaster.pid`."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return lines[:1] == [str(pid)] and lines[7:8] != [] and lines[7].strip() == "ready"

    @property
    def _data(self) -> Path:
        return self.place.home / "data"

    def _make_cluster(self, children: Children) -> None:
        """Makes it beside the place and moves: an interrupted `initdb` leaves nothing half-done."""
        for left in self.place.home.glob("data.*"):
            shutil.rmtree(left)
        fresh = self.place.home / f"data.{time.time_ns()}"
        program = (self.place.programs / "initdb", "-D", fresh, "-U", "postgres", "-A", "trust")
        language = ("-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        self._run(children, (*program, *language))
        fresh.rename(self._data)

    def _set_passwords(self, children: Children) -> None:
        """In single-user mode, which needs none: so lost passwords are simply replaced."""
        program = (self.place.programs / "postgres", "--single", "-D", self._data, "postgres")
        said = self._run(children, program, text=ROLES.format(record=self.record))
        errors = (line for line in said.splitlines() if "ERROR:" in line)
        wrong = [line for line in errors if "already exists" not in line]
        if wrong:
            text = f"preparing PostgreSQL's roles failed: {wrong[0]}"
            raise ServicesFailed(text)

    def _run(self, children: Children, program: Sequence[str | Path], text: str = "") -> str:
        status, said = children.run(program, identity=self.identity, text=text)
        if status:
            reason = f"{program[0]} failed in {self.place.home}: {said.strip()[-500:]}"
            raise ServicesFailed(reason)
        return said
