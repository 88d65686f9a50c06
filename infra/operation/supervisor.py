"""Keeps worker processes going: one per slot, started again when it dies, ended in order.

A program of its own with the standard library alone: it is there all the time, next to workers that
need the memory. `./vidette worker` becomes it: `python -m infra.operation.supervisor SLOTS -- …`.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from infra.operation.endings import AGAIN, NEEDS_A_PERSON, cause

DELAYS_S: Final = (0.0, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Before a start again, by how many quick ends there were; the first comes at once.

A worker that is back at once ends the transaction that its predecessor left open; and it takes some
ends until a record that kills its worker is found.
"""

SETTLED_S: Final = 60.0
"""An end after a longer life is no quick one."""

ASKED: Final = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass
class Slot:
    """One worker's place; its process when there is one, else when the next is due."""

    number: int
    process: "subprocess.Popen[bytes] | None" = None
    began: float = 0.0
    due: float = 0.0
    quick_ends: int = 0


@dataclass
class Supervisor:
    """Runs `command` once per slot, with `--slot N` added, until it is asked to end."""

    command: Sequence[str]
    slots: Sequence[Slot]
    _stopping: bool = False
    _status: int = 0
    _asked: list[int] = field(default_factory=list)

    def run(self) -> int:
        """The exit status: 0, or the worst of those that mean something to whoever started us."""
        woken = self._listen()
        while True:
            self._obey()
            for slot in self.slots:
                self._look(slot)
            if self._stopping and not any(slot.process for slot in self.slots):
                return self._status
            waiting = [slot.due for slot in self.slots if not slot.process]
            timeout_s = max(0.0, min(waiting) - time.monotonic()) if waiting else None
            if select.select([woken], [], [], timeout_s)[0]:
                os.read(woken, 4096)

    def _listen(self) -> int:
        """A file descriptor that can be read when a signal has come."""
        woken, wakes = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        for number in (*ASKED, signal.SIGCHLD):
            signal.signal(number, self._note)
        return woken

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in ASKED:
            self._asked.append(number)

    def _obey(self) -> None:
        if self._asked:
            self._asked.clear()
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for slot in self.slots:
            if slot.process:
                slot.process.terminate()

    def _look(self, slot: Slot) -> None:
        if slot.process and (status := slot.process.poll()) is not None:
            slot.process = None
            self._ended(slot, status)
        if not slot.process and not self._stopping and slot.due <= time.monotonic():
            self._start(slot)

    def _start(self, slot: Slot) -> None:
        slot.began = time.monotonic()
        slot.process = subprocess.Popen(
            [*_leash(), *self.command, "--slot", str(slot.number)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches only us, who pass it on once
        )
        _say("info", "supervisor.started", slot=slot.number, pid=slot.process.pid)

    def _ended(self, slot: Slot, status: int) -> None:
        lived_s = time.monotonic() - slot.began
        facts = {"slot": slot.number, "cause": cause(status), "status": status}
        if status == NEEDS_A_PERSON:
            _say("error", "supervisor.gives_up", **facts)
            self._status = status
            self._stop()
        elif self._stopping:
            _say("info", "supervisor.ended", **facts)
            self._status = max(self._status, int(status not in {0, AGAIN}))
        else:
            slot.quick_ends = slot.quick_ends + 1 if lived_s < SETTLED_S else 1
            delay_s = DELAYS_S[min(slot.quick_ends, len(DELAYS_S)) - 1]
            slot.due = time.monotonic() + delay_s
            facts |= {"lived_s": round(lived_s, 1), "again_in_s": delay_s}
            _say("warning", "supervisor.again", **facts)


def _leash() -> tuple[str, ...]:
    """What makes the kernel end a worker whose supervisor was killed: one slot, one worker.

    Of a killed worker nothing is lost.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _say(level: str, event: str, **facts: object) -> None:
    """One line, as the workers' logs have them."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = json.dumps({**facts, "event": event, "level": level, "timestamp": now})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """`FIRST COUNT -- COMMAND…`: so many slots from the first on."""
    first, count, _, *command = arguments
    slots = [Slot(int(first) + n) for n in range(int(count))]
    return Supervisor(command, slots).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
