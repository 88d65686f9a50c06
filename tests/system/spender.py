"""Spends budget as fast as it can: many callers of one process, each with a chain of two providers.

`python -m tests.system.spender URL FOLDER CALLERS`: every beginning and every call is a line of a
file that all processes append to; a line is written at once or not at all. Ends when told to by
SIGTERM, and gives back what it has left.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec

from agents.budgets import LeasedBudgets
from agents.chain import Chain
from connectors.clock import SystemClock
from connectors.memory.providers.chain import FixedRoster, GoodHealth
from connectors.postgres.budgets import PostgresBudgets
from infra.prompts.loading import prompts
from infra.spending import price_file
from schemas.attempts import Answer, AttemptBegun, Usage
from schemas.clips import ClipReady
from schemas.examples.stories import EXAMPLES
from streams import describing
from streams.providers.ports import Profile, Question, Reply
from streams.quota.amounts import Amounts
from streams.quota.begun import Tally
from streams.quota.limits import Caps, Limits
from streams.quota.ports import Lost, Terms

TOGETHER: Final = 1_600
OPENAI: Final = 700
LIMITS: Final = Limits(
    {"month": Caps(requests=TOGETHER)},
    {
        "openai": {"month": Caps(requests=OPENAI, cost_usd=Decimal(2))},
        "grok": {"month": Caps(tokens=20_000_000)},
    },
)
TERMS: Final = Terms(use_s=2.0, grace_s=3.0)
LOOK_S: Final = 0.5
CALL_S: Final = 0.2
USAGE: Final = Usage(input_tokens=1000, output_tokens=100)


@dataclass(frozen=True)
class Lines:
    """A file that many processes append to."""

    path: Path

    def add(self, line: bytes) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(file, line + b"\n")
        finally:
            os.close(file)

    def all(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []


@dataclass(frozen=True)
class Written:
    """Announcements: the log, as one file; and what it says of lost leases."""

    lines: Lines

    async def begun(self, attempt: AttemptBegun) -> None:
        self.lines.add(msgspec.json.encode(attempt))

    async def used(self, lost: Collection[Lost]) -> Mapping[UUID, Amounts]:
        tally = Tally({lease.id for lease in lost})
        tally.add(msgspec.json.decode(line, type=AttemptBegun) for line in self.lines.all())
        return tally.used


@dataclass(frozen=True)
class Called:
    """A provider that writes down that it was called, and takes a moment."""

    name: str
    model: str
    lines: Lines
    profile: Profile = Profile()  # noqa: RUF009  # frozen

    async def ask(self, question: Question) -> Reply:
        del question
        self.lines.add(self.name.encode())
        await asyncio.sleep(CALL_S)
        return Reply(Answer(description="A cat."), self.model, USAGE)


async def caller(chain: Chain, ending: asyncio.Event, refused: Lines) -> None:
    """Asks about events of its own until the end; waits a moment when nobody may be called."""
    ready = msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-ready"]), ClipReady)
    while not ending.is_set():
        mine = msgspec.structs.replace(ready.enriched, id=uuid4())
        subject = describing.of_clip(msgspec.structs.replace(ready, enriched=mine))
        asked = describing.question(subject, prompts().prompt(mine))
        calls = await chain.ask(asked, chain.clock.monotonic() + 10.0)
        if not isinstance(calls[-1].result, Reply):
            said = [str(getattr(call.result, "detail", "")) for call in calls]
            refused.add(f"{os.getpid()} {' | '.join(said)}".encode())
            await asyncio.sleep(CALL_S)


async def spend(url: str, folder: Path, callers: int) -> None:
    ending, clock = asyncio.Event(), SystemClock()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    store, log, prices = PostgresBudgets(url), Written(Lines(folder / "begun")), price_file.read()
    called, refused = Lines(folder / "called"), Lines(folder / "refused")
    budgets = LeasedBudgets(LIMITS, prices, store, log, clock, str(os.getpid()), TERMS)
    roster = FixedRoster(
        (
            Called("openai", "gpt-6-luna", called),
            Called("grok", "grok-4.20-non-reasoning", called),
        )
    )
    chain = Chain(roster, GoodHealth(), budgets, log, clock, prices)
    keeping = asyncio.create_task(budgets.keep(look_every_s=LOOK_S, reconcile_every_s=LOOK_S))
    await asyncio.gather(*[caller(chain, ending, refused) for _ in range(callers)])
    keeping.cancel()
    await asyncio.wait((keeping,))
    await budgets.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(spend(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
