"""A worker under test: its clock can be put wrong, and it counts each call of its provider.

`python -m infra.chaos.worker BRIEF STEP SLOT`; the brief is a file (infra/chaos/brief.py).
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from connectors.clock import SystemClock
from infra.assembly import World
from infra.chaos.brief import Brief
from infra.chaos.controls import CONTROLS
from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure
from infra.worker import Make, run
from schemas.attempts import Answer
from streams.providers.ports import AT_HOME, Profile, Question, Reply

ANSWER_S: Final = 0.1
SLOW_CAMERA: Final = "camera-0"
SLOW_ANSWER_S: Final = 3.0
"""So that others of the same partition finish before it."""


@dataclass(frozen=True)
class SkewedClock(SystemClock):
    """The machine's time plus what a file says; waiting is not affected, as on a real machine."""

    file: Path

    def now(self) -> datetime:
        """The instant, wrong by the seconds in the file."""
        return super().now() + timedelta(seconds=skew_s(self.file))


def skew_s(file: Path) -> float:
    """Seconds; 0 without a file, or with one that is just being written."""
    try:
        return float(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0.0


@dataclass(frozen=True)
class CountingProvider:
    """Says the same of everything, after a moment; each call is in the file before it is made."""

    file: Path
    name: str = "counting"
    model: str = "counting-1"
    profile: Profile = AT_HOME

    async def ask(self, question: Question) -> Reply:
        """One line, appended at once: lines of several processes never mix."""
        line = f"{question.enriched.id} {os.getpid()} {time.time():.3f}\n".encode()
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
        is_slow = question.enriched.event.camera_id == SLOW_CAMERA
        await asyncio.sleep(SLOW_ANSWER_S if is_slow else ANSWER_S)
        return Reply(Answer(description="Something was seen."), self.model)


def make(brief: Brief) -> Make:
    """The world of a worker under test."""
    provider = CountingProvider(Path(brief.calls))
    clock = SkewedClock(Path(brief.skew))
    honest = Make(world=World(clock=clock, providers=lambda _: (provider,)))
    return CONTROLS[brief.control](honest)


def main(arguments: list[str]) -> int:
    """Works until it is told to stop, or killed."""
    file, step, slot = arguments
    brief = msgspec.json.decode(Path(file).read_bytes(), type=Brief)
    settings = Settings.model_validate(brief.settings | {"slot": int(slot)})
    configure(settings.log_level)
    return run(settings, endpoints(settings), (step,), make(brief))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
