"""Child processes that never outlive us, and the search for those of a supervisor that was killed.

Three nets: children are ended when the context closes; the kernel ends them when we die first
(PR_SET_PDEATHSIG, through `setpriv`); the next start finds what is still there and ends it.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from infra.services.endpoints import ServicesFailed

Owns = Callable[[Sequence[str], Path | None], bool]
"""Whether a process (its arguments, its folder when we may see it) is one of a service's."""


@dataclass(frozen=True)
class Identity:
    """As whom a child runs: another user (only root can), or wrapped by a command, or as we are."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How a child is asked to stop, how long it may take, and what it gets when we die."""

    stop: signal.Signals
    grace_s: float
    orphaned: signal.Signals


LOG_BYTES_MAX = 10_000_000

AT_ONCE = Ending(signal.SIGKILL, 5, signal.SIGKILL)
OURSELVES = Identity()


class Children:
    """Starts children in sessions of their own, so that a terminal's Ctrl-C reaches only us."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        # PR_SET_PDEATHSIG means the death of the thread that started the child, not of the process:
        # hence one thread that starts them all and lives as long as they do.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="children")
        self._setpriv = shutil.which("setpriv")
        self._living: dict[subprocess.Popen[bytes], Ending] = {}
        self._closed = False
        self.closing = Event()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        ending: Ending,
        identity: Identity = OURSELVES,
        log: Path | None = None,
        folder: Path = Path("/"),
    ) -> subprocess.Popen[bytes]:
        """Starts a child; its output goes to `log`, without one to a pipe, like its input."""
        whole = [*identity.prefix, *self._leash(ending), *map(str, command)]

        def popen() -> subprocess.Popen[bytes]:
            if self.closing.is_set():
                text = "the embedded services are stopping."
                raise ServicesFailed(text)
            with _fresh(log).open("ab") as file:
                child = subprocess.Popen(
                    whole,
                    stdin=subprocess.DEVNULL if log else subprocess.PIPE,
                    stdout=file if log else subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    start_new_session=True,
                    user=identity.uid,
                    group=identity.gid,
                    extra_groups=None if identity.uid is None else [],
                )
            self._living[child] = ending
            return child

        return self._starter.submit(popen).result()

    def run(
        self, command: Sequence[str | Path], *, identity: Identity = OURSELVES, text: str = ""
    ) -> tuple[int, str]:
        """Runs a child to its end with `text` as its input; returns its status and all it said."""
        child = self.start(command, ending=AT_ONCE, identity=identity)
        said, _ = child.communicate(text.encode())
        self._living.pop(child, None)
        return child.returncode, said.decode(errors="replace")

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """A child has ended by itself; there is nothing to stop any more."""
        self._living.pop(child, None)

    def _leash(self, ending: Ending) -> tuple[str, ...]:
        if self._setpriv is None:
            return ()
        return (self._setpriv, "--pdeathsig", ending.orphaned.name.removeprefix("SIG"), "--")

    def close(self) -> None:
        """Ends every child, all at the same time; returns when they are gone. Twice is once."""
        if self._closed:
            return
        self.closing.set()
        self._starter.submit(
            int
        ).result()  # What was starting has started; nothing starts any more.
        living = list(self._living.items())
        for child, ending in living:
            child.send_signal(ending.stop)
        for child, ending in living:
            try:
                child.wait(ending.grace_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self._closed = True
        self._starter.shutdown()  # Last: the end of its thread is what orphans take for our death.


def _fresh(log: Path | None) -> Path:
    """The log, after one that had grown too large was put aside."""
    if log is None:
        return Path(os.devnull)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.old"))
    return log


def started_at(pid: int) -> int | None:
    """When a process started, in ticks since boot; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # Without the first two fields of proc(5): the third is the state, the 22nd the start.
    return None if fields[0] in "ZX" else int(fields[19])


def end_strays(owns: Owns, ending: Ending) -> int:
    """Ends processes of a service that no supervisor holds any more; returns how many there were.

    Raises `ServicesFailed` when one can't be ended.
    """
    found = _strays(owns)
    _signal(found, ending.stop)
    if _wait_gone(owns, ending.grace_s):
        return len(found)
    _signal(_strays(owns), signal.SIGKILL)
    if _wait_gone(owns, 5):
        return len(found)
    text = f"can't end processes {_strays(owns)} of an earlier run: end them, then start again."
    raise ServicesFailed(text)


def _strays(owns: Owns) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _is_owned(entry, owns)]


def _is_owned(entry: Path, owns: Owns) -> bool:
    try:
        words = (entry / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
    except OSError:
        return False  # It ended meanwhile.
    try:
        folder = (entry / "cwd").readlink()
    except OSError:
        folder = None  # Another user's; its arguments must do.
    return owns(words, folder) and started_at(int(entry.name)) is not None


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            text = f"process {pid} of another user works in this folder: end it, then start again."
            raise ServicesFailed(text) from error


def _wait_gone(owns: Owns, limit_s: float) -> bool:
    until = time.monotonic() + limit_s
    while _strays(owns):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
