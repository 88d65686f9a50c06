"""What is remembered between runs, in `services.json`: ports, passwords, and who runs right now.

Ports and passwords are kept so that URLs stay the same from run to run.
"""

import os
import random
import secrets
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Self

import msgspec

from infra.services.endpoints import Endpoints, ServicesFailed

FILE = "services.json"
HOST = "127.0.0.1"


class Process(msgspec.Struct, frozen=True):
    """A process, told apart from a later one of the same id by its start (ticks since boot)."""

    pid: int
    started: int


class Record(msgspec.Struct, frozen=True):
    """The part of `services.json` that can't be derived."""

    kafka_port: int
    controller_port: int
    postgres_port: int
    app_password: str
    admin_password: str
    supervisor: Process | None = None
    """Set only while both services answer."""

    @classmethod
    def fresh(cls) -> Self:
        """Passwords nobody knows yet; the ports are chosen by `with_free_ports`."""
        return cls(0, 0, 0, secrets.token_hex(24), secrets.token_hex(24))

    def with_free_ports(self) -> Self:
        """The same ports where they are free, else others."""
        wanted = (self.kafka_port, self.controller_port, self.postgres_port)
        kafka, controller, postgres = free_ports(wanted)
        return msgspec.structs.replace(
            self, kafka_port=kafka, controller_port=controller, postgres_port=postgres
        )

    @property
    def endpoints(self) -> Endpoints:
        """Where the services answer when they run."""
        place = f"{HOST}:{self.postgres_port}/vidette"
        return Endpoints(
            bootstrap_servers=f"{HOST}:{self.kafka_port}",
            database_url=f"postgresql://vidette_app:{self.app_password}@{place}",
            database_admin_url=f"postgresql://postgres:{self.admin_password}@{place}",
        )


def read(folder: Path) -> Record | None:
    """The record of `folder`; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def write(folder: Path, record: Record) -> None:
    """Replaces the record at once or not at all; only its owner can read it."""
    fresh = folder / f"{FILE}.new"
    fresh.unlink(missing_ok=True)
    text = msgspec.json.encode(asdict(record.endpoints) | msgspec.structs.asdict(record))
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(text, indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)


def free_ports(wanted: Sequence[int]) -> tuple[int, ...]:
    """The same ports where they are free, else others; 0 asks for any. Raises `ServicesFailed`."""
    with ExitStack() as held:
        return tuple([_free_port(port, held) for port in wanted])


def _free_port(wanted: int, held: ExitStack) -> int:
    # Below the ephemeral range: a client that keeps calling a dead server's port there can end up
    # connected to itself, and then the server never gets its port back.
    dice = random.SystemRandom()
    others = [dice.randrange(20_000, 32_000) for _ in range(50)]
    for port in [wanted, *others] if wanted else others:
        probe = held.enter_context(socket.socket())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            continue
        return port
    text = "no free port was found on 127.0.0.1: end what listens between 20000 and 32000."
    raise ServicesFailed(text)
