"""The workers under test: one process per step and slot, started, killed, frozen and thawed."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.operation.endings import NEEDS_A_PERSON, cause
from infra.services.processes import Children, Ending
from infra.settings import ROOT
from infra.topology import STEPS

ENDING: Final = Ending(signal.SIGTERM, 40, orphaned=signal.SIGKILL)
PER_STEP_MAX: Final = 3


@dataclass
class Member:
    """One worker, in the slot that it keeps across restarts."""

    step: str
    slot: int
    process: "subprocess.Popen[bytes]"
    frozen: bool = False
    down: bool = False
    """A fault keeps it down; it is started again when that has passed."""
    asked_at: float | None = None
    """When it was asked to stop; it is started again when it has, unless it `leaves`."""
    leaves: bool = False

    @property
    def name(self) -> str:
        """As its log is called."""
        return f"{self.step}-{self.slot}"

    @property
    def is_well(self) -> bool:
        """Whether a fault may choose it: nothing is wrong with it yet."""
        return not self.frozen and not self.down and self.asked_at is None


@dataclass
class Fleet:
    """Every worker of a run."""

    brief: Path
    logs: Path
    say: Callable[[str], None]
    children: Children = field(default_factory=Children)
    members: list[Member] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    """Workers that ended though nobody had asked them to, or did not when they were."""
    unexplained: list[str] = field(default_factory=list)
    """Deaths of which no fault is the cause: by a signal that nobody sent, or wanting a person."""
    _next_slot: int = 0

    def staff(self) -> None:
        """One worker of each step."""
        for step in STEPS:
            self.add(step)

    def add(self, step: str) -> None:
        """One more worker of this step, in a slot that nobody had."""
        slot = self._next_slot
        self._next_slot += 1
        self.members.append(Member(step, slot, self._started(step, slot)))

    def of(self, step: str) -> list[Member]:
        """The workers of a step."""
        return [member for member in self.members if member.step == step]

    def kill(self, member: Member) -> None:
        """As the kernel does when memory runs out; it stays down until `revive`."""
        member.down = True
        _signal(member, signal.SIGKILL)

    def revive(self, member: Member) -> None:
        """Starts it again, in its slot."""
        self._ended(member)
        member.process = self._started(member.step, member.slot)
        member.down = member.frozen = False
        member.asked_at = None

    def ask_to_stop(self, member: Member, *, leaves: bool) -> None:
        """It may finish what it has in hand; `tend` sees to the rest."""
        member.asked_at, member.leaves = time.monotonic(), leaves
        _signal(member, signal.SIGTERM)

    def freeze(self, member: Member) -> None:
        """It stands still, and does not know that it did."""
        member.frozen = True
        _signal(member, signal.SIGSTOP)

    def thaw(self, member: Member) -> None:
        """It goes on where it stood."""
        member.frozen = False
        _signal(member, signal.SIGCONT)

    @property
    def is_whole(self) -> bool:
        """Whether every worker runs and is well."""
        return all(m.is_well and m.process.poll() is None for m in self.members)

    def tend(self) -> None:
        """Starts again whoever ended, as a supervisor of processes would."""
        for member in list(self.members):
            if member.down:
                continue
            if member.process.poll() is None:
                self._hurry(member)
            elif member.leaves:
                self._ended(member)
                self.members.remove(member)
            else:
                if member.asked_at is None or member.process.returncode:
                    self._tell(f"{member.name} ended with status {member.process.returncode}")
                    self._explain(member)
                self.revive(member)

    def close(self) -> None:
        """Ends all of them in order."""
        for member in self.members:
            if member.frozen:
                self.thaw(member)
        self.children.close()

    def _hurry(self, member: Member) -> None:
        asked = member.asked_at
        if asked is not None and time.monotonic() - asked > ENDING.grace_s:
            self._tell(f"{member.name} did not stop within {ENDING.grace_s:g} s")
            member.asked_at = time.monotonic()
            _signal(member, signal.SIGKILL)

    def _explain(self, member: Member) -> None:
        """A server that is away may make a worker fail; it crashes none and asks for nobody."""
        status = member.process.returncode
        if member.asked_at is None and (status < 0 or status == NEEDS_A_PERSON):
            self.unexplained.append(f"{member.name}: {cause(status)}")

    def _tell(self, what: str) -> None:
        self.deaths.append(what)
        self.say(what)

    def _started(self, step: str, slot: int) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-m", "infra.chaos.worker", str(self.brief), step, str(slot)]
        log = self.logs / f"{step}-{slot}.log"
        return self.children.start(words, ending=ENDING, log=log, folder=ROOT)

    def _ended(self, member: Member) -> None:
        member.process.wait()
        self.children.forget(member.process)


def _signal(member: Member, number: signal.Signals) -> None:
    if member.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            member.process.send_signal(number)


@contextmanager
def fleet(brief: Path, logs: Path, say: Callable[[str], None]) -> Iterator[Fleet]:
    """Ends every worker when the context ends, however it ends."""
    logs.mkdir(parents=True, exist_ok=True)
    made = Fleet(brief, logs, say)
    try:
        yield made
    finally:
        made.close()
