"""The chain over scripted providers: order, retries, time, budget, announcements."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import pytest

from agents.chain import Chain
from connectors.memory.providers.chain import Announced, FixedRoster, GoodHealth, NoLimits
from infra.prompts.loading import prompts
from schemas.attempts import Answer, AttemptBegun, ErrorClass
from schemas.clips import ClipReady
from schemas.examples.stories import EXAMPLES
from streams import describing
from streams.ports import StoreAway
from streams.providers.attempts import Call, attempted
from streams.providers.ports import (
    AT_HOME,
    Health,
    Missing,
    Profile,
    Provider,
    ProviderError,
    Question,
    Refusal,
    Reply,
    Reservation,
)
from tests.agents.runtime.scene import FastClock

READY = msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-ready"]), ClipReady)
SUBJECT = describing.of_clip(READY)
ASKED = describing.question(SUBJECT, prompts().prompt(READY.enriched))
CLOUD = Profile(retries=1)
GROK = Profile(retries=2, retry_wait_s=0.5, retries_all=True)


@dataclass
class Scripted:
    """A provider that goes through its script, then answers."""

    name: str
    script: list[ErrorClass | ProviderError] = field(default_factory=list)
    profile: Profile = CLOUD
    model: str = "model-of-tests"
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.script:
            error = self.script.pop(0)
            raise error if isinstance(error, ProviderError) else ProviderError(error, "a bad day")
        return Reply(Answer(description=f"{self.name} says so."), f"{self.name}-2")


@dataclass
class Purse:
    """Counts what was reserved and what came back."""

    left: int = 100
    settled: list[Reply | ProviderError | None] = field(default_factory=list)

    async def reserve(
        self, provider: Provider, question: Question, attempt_id: UUID
    ) -> Reservation | Refusal:
        del question
        if not self.left:
            return Refusal("quota", "the day's requests are used up", "quota")
        self.left -= 1
        return Reservation(attempt_id, provider.name, 1, None)

    async def settle(self, reservation: Reservation, result: Reply | ProviderError | None) -> None:
        del reservation
        self.settled.append(result)


@dataclass
class Noted:
    """Admits everybody but some, and remembers how turns ended."""

    refused: dict[str, Refusal] = field(default_factory=dict)
    turns: list[tuple[str, str]] = field(default_factory=list)

    async def admits(self, provider: Provider) -> Refusal | None:
        return self.refused.get(provider.name)

    def saw(self, provider: Provider, result: Reply | ProviderError) -> None:
        said = result.error_class if isinstance(result, ProviderError) else "answered"
        self.turns.append((provider.name, said))


async def asked(
    *providers: Provider | Missing,
    health: Health | None = None,
    purse: Purse | None = None,
    clock: FastClock | None = None,
    question: Question = ASKED,
) -> tuple[Call, ...]:
    clock = clock or FastClock()
    budgets = purse or NoLimits()
    chain = Chain(FixedRoster(providers), health or GoodHealth(), budgets, Announced(), clock)
    return await chain.ask(question, clock.monotonic() + 60.0)


def told(calls: Sequence[Call]) -> list[tuple[str, int, str]]:
    """Provider, number of its call, and what came of it."""
    return [(call.provider, call.attempt, _said(call.result)) for call in calls]


def _said(result: Reply | ProviderError | Refusal) -> str:
    if isinstance(result, Refusal):
        return result.reason
    return result.error_class if isinstance(result, ProviderError) else "answered"


async def test_a_provider_without_a_key_is_skipped_and_the_skip_is_told() -> None:
    keyless = Missing("openai", Refusal("no_key", "OPENAI_API_KEY is not set", "auth"))

    assert told(await asked(keyless, Scripted("grok"))) == [
        ("openai", 0, "no_key"),
        ("grok", 1, "answered"),
    ]


@pytest.mark.parametrize("error", ["timeout", "network", "rate_limited"])
async def test_what_can_pass_in_a_moment_is_tried_again(error: ErrorClass) -> None:
    assert told(await asked(Scripted("a", [error]), Scripted("b"))) == [
        ("a", 1, error),
        ("a", 2, "answered"),
    ]


@pytest.mark.parametrize(
    "error",
    [
        "auth",
        "quota",
        "overloaded",
        "server",
        "model_unavailable",
        "bad_request",
        "blocked",
        "truncated",
        "malformed",
    ],
)
async def test_what_does_not_pass_in_a_moment_costs_the_chain_one_call(error: ErrorClass) -> None:
    assert told(await asked(Scripted("a", [error]), Scripted("b"))) == [
        ("a", 1, error),
        ("b", 1, "answered"),
    ]


@pytest.mark.parametrize("error", ["rate_limited", "model_unavailable", "server", "network"])
async def test_grok_is_tried_three_times_half_a_second_apart(error: ErrorClass) -> None:
    clock = FastClock()

    calls = await asked(Scripted("grok", [error] * 9, GROK), Scripted("b"), clock=clock)

    assert told(calls) == [("grok", n, error) for n in (1, 2, 3)] + [("b", 1, "answered")]
    assert clock.slept == [0.5, 0.5]


async def test_a_rate_limit_that_asks_for_more_time_than_there_is_is_not_waited_for() -> None:
    patient = ProviderError("rate_limited", "slow down", retry_after_s=31.0)

    assert told(await asked(Scripted("a", [patient]), Scripted("b"))) == [
        ("a", 1, "rate_limited"),
        ("b", 1, "answered"),
    ]


async def test_a_turn_is_judged_by_its_end() -> None:
    health = Noted()

    await asked(Scripted("a", ["network", "auth"]), Scripted("b", ["timeout"]), health=health)

    assert health.turns == [("a", "auth"), ("b", "answered")]


async def test_who_is_not_admitted_is_not_asked() -> None:
    first = Scripted("a")
    health = Noted({"a": Refusal("blacklisted", "until noon: quota")})

    calls = await asked(first, Scripted("b"), health=health)

    assert told(calls) == [("a", 0, "blacklisted"), ("b", 1, "answered")]
    assert first.asked == []


async def test_without_budget_nobody_is_asked() -> None:
    first = Scripted("a")

    calls = await asked(first, purse=Purse(left=0))

    assert told(calls) == [("a", 0, "quota")]
    assert first.asked == []


async def test_every_reservation_is_settled_with_what_came_of_the_call() -> None:
    purse = Purse()

    calls = await asked(Scripted("a", ["network", "server"]), Scripted("b"), purse=purse)

    assert purse.settled == [call.result for call in calls]


class Deaf:
    """A log that can't be written."""

    async def begun(self, attempt: AttemptBegun) -> None:
        raise StoreAway(str(attempt.id))


async def test_a_call_that_can_not_be_announced_is_not_made_and_costs_nothing() -> None:
    provider, purse, clock = Scripted("a"), Purse(), FastClock()
    chain = Chain(FixedRoster((provider,)), GoodHealth(), purse, Deaf(), clock)

    with pytest.raises(StoreAway):
        await chain.ask(ASKED, clock.monotonic() + 60.0)

    assert (provider.asked, purse.settled) == ([], [None])


class Endless(Scripted):
    """Says that it is asked, and never answers."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.reached = asyncio.Event()

    async def ask(self, question: Question) -> Reply:
        self.reached.set()
        await asyncio.Event().wait()
        return await super().ask(question)


async def test_a_call_given_up_in_the_middle_is_not_settled_as_one_never_made() -> None:
    purse, clock, provider = Purse(), FastClock(), Endless("a")
    chain = Chain(FixedRoster((provider,)), GoodHealth(), purse, Announced(), clock)
    task = asyncio.create_task(chain.ask(ASKED, clock.monotonic() + 60.0))
    await provider.reached.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [type(result) for result in purse.settled] == [ProviderError]


async def test_calls_are_announced_under_the_id_of_their_attempt() -> None:
    clock, announced = FastClock(), Announced()
    chain = Chain(
        FixedRoster((Scripted("a", ["server"]), Scripted("b"))),
        GoodHealth(),
        NoLimits(),
        announced,
        clock,
    )

    calls = await chain.ask(ASKED, clock.monotonic() + 60.0)

    assert [begun.id for begun in announced.attempts] == [
        attempted(ASKED, call).id for call in calls
    ]


async def test_a_provider_sees_as_many_frames_as_it_takes_and_the_attempt_says_which() -> None:
    provider = Scripted("a", profile=Profile(frames_max=2))

    (call,) = await asked(provider)

    seen = provider.asked[0].frames
    assert seen == (ASKED.frames[0], ASKED.frames[-1])
    assert attempted(ASKED, call).frames == tuple(frame.sha256 for frame in seen)


async def test_a_call_says_what_it_cost_and_a_decision_not_to_call_says_nothing() -> None:
    keyless = Missing("openai", Refusal("no_key", "OPENAI_API_KEY is not set", "auth"))

    calls = await asked(keyless, Scripted("ollama", profile=AT_HOME))

    told = [attempted(ASKED, call) for call in calls]
    assert [(a.cost_usd, a.price_version) for a in told] == [(None, None), ("0", "local")]
