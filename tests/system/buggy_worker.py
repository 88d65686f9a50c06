"""A worker whose agents have bugs, each set off by an event that names step and bug.

Run as `python -m tests.system.buggy_worker --slot N`, alone or under the supervisor.
"""

import asyncio
import os
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, cast

import msgspec

from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure
from infra.topology import STEPS, Ports, topology
from infra.worker import Make, run
from schemas.codec import Codec, encode
from streams.records import NotYet, Outputs, Received
from streams.steps import Effect, Pure, Step

LIMIT_S: Final = 1.0
LEAKED: Final[list[bytes]] = []


def kill() -> None:
    """As a decoder of C may do."""
    os.kill(os.getpid(), signal.SIGSEGV)


def block() -> None:
    """Python that never ends."""
    while True:
        pass


def hold() -> None:
    """C that never lets go of the interpreter."""
    re.match(r"(a|a)*$", "a" * 60 + "b")


def swell() -> None:
    """More than any machine has."""
    LEAKED.append(bytes(1 << 40))


def leak() -> None:
    """Memory that nobody gives back, and that is really there."""
    LEAKED.append(os.urandom(320 << 20))


def fail() -> None:
    """The most ordinary one."""
    raise ZeroDivisionError("by hand")


def leave() -> None:
    """A script's habit."""
    sys.exit(3)


BUGS: Final[dict[str, Callable[[], None]]] = {
    "kill": kill,
    "block": block,
    "hold": hold,
    "swell": swell,
    "leak": leak,
    "fail": fail,
    "leave": leave,
}


def bug_of(step: str, value: bytes) -> str | None:
    """The bug of this step that an event sets off, if any."""
    found = re.search(rb'"event_id":"' + step.encode() + rb'-bug-(\w+)"', value)
    return found[1].decode() if found else None


def act(step: str, value: bytes) -> str | None:
    """Does what is done at once; the name of the bug."""
    bug = bug_of(step, value)
    if bug in BUGS:
        BUGS[bug]()
    return bug


async def act_later(bug: str | None) -> Outputs | NotYet | None:
    """Does what needs a loop."""
    if bug == "nonsense":
        return cast("Outputs", "nonsense")
    if bug == "thread":
        await asyncio.to_thread(threading.Event().wait)
    while bug and bug.startswith("hang"):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    return None


@dataclass(frozen=True)
class BuggyPure:
    """A pure agent."""

    step: str
    agent: Callable[[Received[msgspec.Struct]], Outputs]

    def __call__(self, received: Received[msgspec.Struct]) -> Outputs:
        bug = act(self.step, encode(received.event))
        return cast("Outputs", None) if bug == "nonsense" else self.agent(received)


@dataclass(frozen=True)
class BuggyEffect:
    """An effect agent."""

    step: str
    agent: Callable[[Received[msgspec.Struct]], Awaitable[Outputs | NotYet]]

    async def __call__(self, received: Received[msgspec.Struct]) -> Outputs | NotYet:
        bug = act(self.step, encode(received.event))
        return await act_later(bug) or await self.agent(received)


class BuggyCodec(Codec[msgspec.Struct]):
    """What a projection reads with; its fold has no agent that could be another one."""

    def decode(self, value: bytes | None) -> msgspec.Struct:
        act("project", value or b"")
        return super().decode(value)


def with_bugs(step: Step) -> Step:
    """The step with agents that have bugs."""
    if isinstance(step, Pure):
        return replace(step, runs=BuggyPure(step.name, step.runs))
    if isinstance(step, Effect):
        limit_s = LIMIT_S if step.name == "describe" else step.time_limit_s
        return replace(step, runs=BuggyEffect(step.name, step.runs), time_limit_s=limit_s)
    reads = tuple(replace(topic, codec=BuggyCodec(*topic.words)) for topic in step.reads)
    return replace(step, reads=reads)


def buggy(ports: Ports, settings: Settings) -> tuple[Step, ...]:
    """The topology."""
    return tuple(with_bugs(step) for step in topology(ports, settings))


if __name__ == "__main__":
    settings = Settings()
    settings = settings.model_copy(update={"slot": int(sys.argv[sys.argv.index("--slot") + 1])})
    configure(settings.log_level)
    sys.exit(run(settings, endpoints(settings), STEPS, Make(topology=buggy)))
