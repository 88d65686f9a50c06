"""A worker with budgets over the twin of their store, a clock moved by hand, a log of calls."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import msgspec

from agents.budgets import LeasedBudgets, Told
from connectors.memory.quota.budgets import MemoryBudgets
from infra.prompts.loading import prompts
from infra.spending import price_file
from schemas.attempts import Answer, Usage
from schemas.clips import ClipReady
from schemas.examples.stories import EXAMPLES
from streams import describing
from streams.ports import StoreAway
from streams.providers.ports import (
    Profile,
    Provider,
    Question,
    Refusal,
    Reply,
    Reservation,
)
from streams.quota.amounts import Amounts
from streams.quota.limits import Caps, Crossing, Limits
from streams.quota.ports import HourUsed, Lost, Terms

READY: Final = msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-ready"]), ClipReady)
ASKED: Final = describing.question(describing.of_clip(READY), prompts().prompt(READY.enriched))
PRICES: Final = price_file.read()
NOW: Final = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)
USAGE: Final = Usage(input_tokens=1000, output_tokens=100)
REPLY: Final = Reply(Answer(description="A cat."), "gpt-6-luna", USAGE)
PLENTY: Final = 10**9


@dataclass(frozen=True)
class Named:
    name: str = "openai"
    model: str = "gpt-6-luna"
    profile: Profile = Profile()  # noqa: RUF009  # frozen

    async def ask(self, question: Question) -> Reply:
        raise NotImplementedError


@dataclass
class HandClock:
    """Goes on when it is told to, or slept with."""

    passed_s: float = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


@dataclass
class Remembered:
    """What the log would say of calls."""

    calls: dict[UUID, Amounts] = field(default_factory=dict)

    async def used(self, lost: Collection[Lost]) -> Mapping[UUID, Amounts]:
        return {lease.id: self.calls.get(lease.id, Amounts()) for lease in lost}


@dataclass
class Heard:
    crossings: list[Crossing] = field(default_factory=list)
    deaf: bool = False

    async def crossing(self, crossing: Crossing) -> None:
        if self.deaf:
            raise StoreAway("nobody listens")
        self.crossings.append(crossing)

    async def hour(self, hour: HourUsed) -> None:
        raise NotImplementedError


@dataclass
class Bench:
    """One worker and what it hangs on."""

    limits: Limits
    store: MemoryBudgets = field(default_factory=lambda: MemoryBudgets(lambda: NOW))
    clock: HandClock = field(default_factory=HandClock)
    log: Remembered = field(default_factory=Remembered)
    heard: Heard = field(default_factory=Heard)

    def worker(self, terms: Terms | None = None) -> LeasedBudgets:
        return LeasedBudgets(
            self.limits,
            PRICES,
            self.store,
            self.log,
            self.clock,
            "worker-1",
            terms or Terms(),
            Told(self.heard.crossing, self.heard.hour),
        )

    @property
    def taken(self) -> Amounts:
        return next(sum_ for (scope, _, _), sum_ in self.store.taken.items() if scope == "*")


def bench(requests: int | None = None, **caps: object) -> Bench:
    return Bench(Limits({"day": msgspec.convert({"requests": requests, **caps}, Caps)}))


async def reserve(
    budgets: LeasedBudgets, provider: Provider | None = None
) -> Reservation | Refusal:
    return await budgets.reserve(provider or Named(), ASKED, uuid4())


async def reserved(budgets: LeasedBudgets) -> Reservation:
    found = await reserve(budgets)
    assert isinstance(found, Reservation)
    return found


async def spent(budgets: LeasedBudgets) -> int:
    """How many calls are made until there is a refusal."""
    made = 0
    while made < PLENTY and isinstance(found := await reserve(budgets), Reservation):
        made += 1
        await budgets.settle(found, REPLY)
    return made
