"""Faults of Kafka and PostgreSQL themselves; their watches start them again when they end."""

import signal
import subprocess

import psutil

from infra.chaos.faults.disks import Disk
from infra.chaos.faults.workers import Broken
from infra.services.watch import Watch


def kill(watch: Watch, *, family: bool = False) -> Broken:
    """SIGKILL, to its own children too if asked."""
    return _signal(watch, signal.SIGKILL, family=family), None


def term(watch: Watch) -> Broken:
    """SIGTERM, then SIGINT: PostgreSQL takes the first as a wish to wait for all its sessions."""
    process = watch.process
    return _signal(watch, signal.SIGTERM), lambda: _press(process)


def freeze(watch: Watch, *, family: bool = False) -> Broken:
    """SIGSTOP, then SIGCONT."""
    told = _signal(watch, signal.SIGSTOP, family=family)
    return told, lambda: _thaw(watch, family=family)


def fill(disk: Disk) -> Broken:
    """Not a byte of its disk is left, then there is room again."""
    disk.fill()
    return str(disk.folder), disk.free


def _press(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)


def _thaw(watch: Watch, *, family: bool) -> None:
    _signal(watch, signal.SIGCONT, family=family)


def _signal(watch: Watch, number: signal.Signals, *, family: bool = False) -> str:
    """Sends it to the server; the process that got it, "" when there is none."""
    process = watch.process
    if process.poll() is not None:
        return ""
    try:
        whole = [psutil.Process(process.pid)]
        whole += whole[0].children(recursive=True) if family else []
    except psutil.NoSuchProcess:
        return ""
    for one in whole:
        try:
            one.send_signal(number)
        except psutil.NoSuchProcess:
            continue
    return f"process {process.pid}"
