"""Starts one server and keeps it running: a server that ends by itself is started again."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from infra.services.endpoints import ServicesFailed
from infra.services.processes import Children, Ending, Identity, end_strays

READY_TIMEOUT_S = 120.0
SETTLED_S = 30.0
QUICK_ENDS_MAX = 3
"""A server that ends this often within `SETTLED_S` of its start is broken, not unlucky."""

PATIENCE_S = 0.5
"""Between two starts of a server that a patient watch keeps."""


class Server(Protocol):
    """What must be known of a server to keep it running."""

    @property
    def name(self) -> str:
        """As people call it."""

    @property
    def log(self) -> Path:
        """What to read when it doesn't start."""

    @property
    def identity(self) -> Identity:
        """As whom it runs."""

    @property
    def ending(self) -> Ending:
        """How it is stopped by its supervisor."""

    @property
    def ending_of_strays(self) -> Ending:
        """How what an earlier run left is stopped."""

    def prepare(self, children: Children) -> None:
        """Makes what is missing; raises `ServicesFailed`."""

    def command(self) -> Sequence[str | Path]:
        """What runs it."""

    def owns(self, words: Sequence[str], folder: Path | None) -> bool:
        """Whether a process with these arguments in this folder is part of it."""

    def answers(self, pid: int) -> bool:
        """Whether clients are served."""


class Watch:
    """One server's life."""

    def __init__(
        self,
        server: Server,
        children: Children,
        *,
        say: Callable[[str], None],
        patient: bool = False,
    ) -> None:
        """Starts nothing yet; `say` is called from the watching thread too.

        A `patient` watch never gives a server up: it is for who breaks servers on purpose.
        """
        self._server, self._children, self._say = server, children, say
        self._patient = patient
        self.broken = threading.Event()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The server's first process, as of its last start."""
        return self._child

    def start(self) -> None:
        """Returns when the server answers; raises `ServicesFailed` if it never does."""
        end_strays(self._server.owns, self._server.ending_of_strays)
        self._server.prepare(self._children)
        self._child = self._children.start(
            self._server.command(),
            ending=self._server.ending,
            identity=self._server.identity,
            log=self._server.log,
        )
        self._since = time.monotonic()
        while not self._server.answers(self._child.pid):
            if self._child.poll() is not None or self._children.closing.is_set():
                raise ServicesFailed(self._complaint("ended while it started"))
            if time.monotonic() - self._since > READY_TIMEOUT_S:
                raise ServicesFailed(self._complaint("didn't answer in time"))
            time.sleep(0.02)

    def keep(self) -> None:
        """From now on starts it again when it ends by itself, until the children are closed."""
        threading.Thread(target=self._keep, name=f"watch-{self._server.name}", daemon=True).start()

    def end_remains(self) -> None:
        """Ends what a killed server left: PostgreSQL's sessions live on for a moment."""
        end_strays(self._server.owns, self._server.ending_of_strays)

    def _keep(self) -> None:
        quick_ends = 0
        while not self._children.closing.is_set():
            status = self._child.wait()
            if self._children.closing.is_set():
                return
            self._children.forget(self._child)
            quick_ends = quick_ends + 1 if time.monotonic() - self._since < SETTLED_S else 0
            if quick_ends >= QUICK_ENDS_MAX and not self._patient:
                self._give_up(self._complaint("keeps ending"))
                return
            self._say(f"{self._server.name} ended (status {status}); starting it again ...")
            if not self._started_again():
                return
            self._say(f"{self._server.name} answers again.")

    def _started_again(self) -> bool:
        """Whether it answers; False when it was given up or everything is stopping."""
        while not self._children.closing.is_set():
            try:
                self.start()
            except (ServicesFailed, OSError) as error:
                if self._children.closing.is_set():
                    return False
                if not self._patient:
                    self._give_up(str(error))
                    return False
                self._children.closing.wait(PATIENCE_S)
            else:
                return True
        return False

    def _give_up(self, why: str) -> None:
        self._say(why)
        self.broken.set()

    def _complaint(self, what: str) -> str:
        log = self._server.log
        said = log.read_text(errors="replace").strip()[-1500:] if log.exists() else ""
        return f"{self._server.name} {what}; {log} ends with:\n{said}"
