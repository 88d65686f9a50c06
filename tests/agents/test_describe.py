import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from agents.chain import Chain
from agents.describe import Describe, Limits
from connectors.memory.providers.answers import MemoryAnswers
from connectors.memory.providers.chain import FixedRoster, GoodHealth, NoLimits, Unannounced
from connectors.memory.read_model import Store
from connectors.providers.motion import MotionProvider
from infra.prompts.loading import prompts
from schemas.attempts import Answer, ProviderAttempted
from schemas.clips import ClipOutcome, ClipReady, ClipUnavailable
from schemas.examples.stories import EXAMPLES
from schemas.outcomes import Described, Skipped, Undescribed
from streams import identity
from streams.ports import Clock, Outcomes
from streams.providers.orders import Orders
from streams.providers.ports import AT_HOME, Profile, Provider, ProviderError, Question, Reply
from streams.providers.turns import TURN_S_MIN
from streams.records import Outputs, Received
from tests.agents.runtime.scene import FastClock


@dataclass
class Nobody:
    """Nothing is known to be answered, except what is told."""

    told: frozenset[UUID] = frozenset()

    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        return self.told & frozenset(outcome_ids)


@dataclass
class Scripted:
    """A provider that answers, or refuses in a class of error."""

    name: str
    error: ProviderError | None = None
    model: str = "model-of-tests"
    profile: Profile = AT_HOME
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.error:
            raise self.error
        return Reply(Answer(description=f"{self.name} says so."), f"{self.name}-2")


READY = msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-ready"]), ClipReady)
UNAVAILABLE = msgspec.structs.replace(
    msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-unavailable"]), ClipUnavailable),
    snapshot=READY.frames[0],
)
NOT_WANTED = EXAMPLES["clip-not-wanted"]
DOWN = ProviderError("server", "a bad day", code="503")


def describe(*providers: Provider, known: frozenset[UUID] = frozenset()) -> Describe:
    return chained(providers, Nobody(known), FastClock(), 60.0)


def chained(
    providers: Sequence[Provider], outcomes: Outcomes, clock: Clock, deadline_s: float
) -> Describe:
    chain = Chain(FixedRoster(providers), GoodHealth(), NoLimits(), Unannounced(), clock)
    limits = Limits(deadline_s, 86_400.0 * 365 * 10, 604_800.0)
    return Describe(
        chain, MemoryAnswers(Store(), Orders().cleared), prompts(), outcomes, clock, limits
    )


async def outcome(agent: Describe, clip: ClipOutcome) -> Described | Undescribed | Skipped:
    outputs = await agent(Received(clip))
    last = outputs[-1].event
    assert isinstance(last, Described | Undescribed | Skipped)
    return last


def attempts(outputs: Outputs) -> list[ProviderAttempted]:
    return [o.event for o in outputs if isinstance(o.event, ProviderAttempted)]


async def test_the_first_provider_that_answers_is_named() -> None:
    result = await outcome(describe(Scripted("a", DOWN), Scripted("b"), Scripted("c")), READY)

    assert isinstance(result, Described)
    assert (result.provider_used, result.model_id) == ("b", "b-2")


async def test_every_call_is_recorded_in_order_with_its_error() -> None:
    outputs = await describe(Scripted("a", DOWN), Scripted("b"))(Received(READY))

    assert [(a.position, a.provider, a.status, a.error_class) for a in attempts(outputs)] == [
        (0, "a", "failed", "server"),
        (1, "b", "answered", None),
    ]


async def test_an_attempt_names_the_frames_and_the_prompt_it_saw() -> None:
    outputs = await describe(Scripted("a"))(Received(READY))

    frames = tuple(frame.sha256 for frame in READY.frames)
    assert [(a.frames, a.prompt_version) for a in attempts(outputs)] == [(frames, "person-1")]


async def test_the_outcome_names_its_attempts() -> None:
    outputs = await describe(Scripted("a", DOWN), Scripted("b"))(Received(READY))

    result = outputs[-1].event
    assert isinstance(result, Described)
    assert result.attempts == tuple(attempt.id for attempt in attempts(outputs))


async def test_when_all_fail_the_outcome_says_so_and_invents_nothing() -> None:
    result = await outcome(describe(Scripted("a", DOWN)), READY)

    assert isinstance(result, Undescribed)
    assert (result.reason, result.detail) == ("all_providers_failed", "a: server: a bad day")


async def test_without_any_provider_the_outcome_says_that() -> None:
    result = await outcome(describe(), READY)

    assert isinstance(result, Undescribed)
    assert result.detail == "no provider is configured"


async def test_a_still_that_stands_in_for_a_lost_clip_is_named_as_that() -> None:
    result = await outcome(describe(Scripted("a")), UNAVAILABLE)

    assert isinstance(result, Described)
    assert result.fallback_reason == "clip_download_failed"


async def test_without_any_picture_nobody_is_asked() -> None:
    provider = Scripted("a")
    blind = msgspec.structs.replace(UNAVAILABLE, snapshot=None, motion=None)

    result = await outcome(describe(provider), blind)

    assert isinstance(result, Undescribed)
    assert (result.reason, result.clip_failure, provider.asked) == ("no_frames", blind.reason, [])


async def test_what_policy_skips_is_skipped_with_its_reason() -> None:
    provider = Scripted("a")
    clip = msgspec.convert(msgspec.to_builtins(NOT_WANTED), ClipOutcome)

    result = await outcome(describe(provider), clip)

    assert isinstance(result, Skipped)
    assert (result.reason, provider.asked) == (clip.reason, [])


async def test_an_outcome_that_the_log_holds_is_not_paid_for_again() -> None:
    provider = Scripted("a")
    known = frozenset({identity.outcome_id(READY.enriched.id)})

    outputs = await describe(provider, known=known)(Received(READY))

    assert (outputs, provider.asked) == ((), [])


async def test_the_same_clip_has_the_same_outcome_id_for_ever() -> None:
    first = await outcome(describe(Scripted("a")), READY)
    again = await outcome(describe(Scripted("b")), READY)

    assert first.id == again.id == identity.outcome_id(READY.enriched.id)


async def test_the_motion_provider_describes_the_example() -> None:
    result = await outcome(describe(MotionProvider()), READY)

    assert isinstance(result, Described)
    assert (result.provider_used, result.model_id) == ("motion", "motion-1")


class Mute(Scripted):
    """A provider that never answers."""

    async def ask(self, question: Question) -> Reply:
        await asyncio.Event().wait()
        return await super().ask(question)


async def test_a_provider_that_does_not_answer_in_time_is_a_timeout() -> None:
    agent = chained((Mute("a"),), Nobody(), FastClock(), 2 * TURN_S_MIN)

    outputs = await agent(Received(READY))

    assert [a.error_class for a in attempts(outputs)] == ["timeout"]


async def test_no_provider_spends_the_time_of_all() -> None:
    agent = chained((Mute("a"), Scripted("b")), Nobody(), FastClock(), 4 * TURN_S_MIN)

    outputs = await agent(Received(READY))

    assert [(a.provider, a.status) for a in attempts(outputs)] == [
        ("a", "failed"),
        ("b", "answered"),
    ]


async def test_when_the_time_is_up_the_rest_is_not_asked_and_the_outcome_says_so() -> None:
    rest = Scripted("b")
    agent = chained((Mute("a"), rest), Nobody(), FastClock(), 0.0)

    outputs = await agent(Received(READY))

    result = outputs[-1].event
    assert isinstance(result, Undescribed)
    assert (result.reason, rest.asked) == ("deadline_passed", [])
    assert [a.not_asked for a in attempts(outputs)] == ["no_time", "no_time"]
