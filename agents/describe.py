"""A clip becomes an outcome, by the first of five layers that has one.

Given before, a provider, something similar, the time is up, all failed: the last two are outcomes
too, typed, and `repair` takes them up again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from agents.chain import Chain
from schemas.attempts import ProviderAttempted
from schemas.clips import ClipNotWanted, ClipOutcome
from schemas.outcomes import AiEvent
from schemas.requests import AnalysisRequested
from streams import describing, identity
from streams.describing import Asked, Subject
from streams.ports import Clock, Outcomes
from streams.providers import attempts, layers
from streams.providers.layers import Answers, EarlierAnswer
from streams.providers.ports import Question, Reply
from streams.providers.prompts import Prompts
from streams.records import Output, Outputs, Received
from streams.topics import AI_ATTEMPTS, AI_EVENTS

Concluded = tuple[tuple[ProviderAttempted, ...], AiEvent]
"""What was tried, and what became of the event."""


@dataclass(frozen=True)
class Limits:
    """Of one event: the chain's time, how old it may be, and how old what stands in may be.

    `similar_age_max_s` `None`: nothing similar stands in.
    """

    deadline_s: float
    age_max_s: float
    similar_age_max_s: float | None


@dataclass(frozen=True)
class Describe:
    """Effect: every call is recorded beside the outcome.

    An outcome that the log holds is not redone.
    """

    chain: Chain
    answers: Answers
    prompts: Prompts
    outcomes: Outcomes
    clock: Clock
    limits: Limits

    async def __call__(self, received: Received[ClipOutcome]) -> Outputs:
        """The attempts and the outcome; nothing when the log has the outcome already."""
        clip = received.event
        outcome_id = identity.outcome_id(clip.enriched.id)
        if outcome_id in await self.outcomes.known((outcome_id,)):
            return ()
        if isinstance(clip, ClipNotWanted):
            return (Output(AI_EVENTS, describing.skipped(clip), received.traceparent),)
        subject = describing.of_clip(clip)
        age = self.clock.now() - clip.timestamp
        if subject.frames and age > timedelta(seconds=self.limits.age_max_s):
            detail = f"{age.total_seconds():.0f} s old when its turn came"
            outcome = describing.undescribed(subject, "too_old", detail)
            return (Output(AI_EVENTS, outcome, received.traceparent),)
        return await self._outputs(subject, received.traceparent, again=False)

    async def again(self, received: Received[AnalysisRequested]) -> Outputs:
        """A new revision, for who asked for one: whatever its age, and not from any cache."""
        subject = describing.of_request(received.event)
        if subject.outcome_id in await self.outcomes.known((subject.outcome_id,)):
            return ()
        return await self._outputs(subject, received.traceparent, again=True)

    async def _outputs(self, subject: Subject, traceparent: str | None, *, again: bool) -> Outputs:
        noted, outcome = await self._concluded(subject, again=again)
        outputs = [Output(AI_ATTEMPTS, attempt, traceparent) for attempt in noted]
        return (*outputs, Output(AI_EVENTS, outcome, traceparent))

    async def _concluded(self, subject: Subject, *, again: bool) -> Concluded:
        if not subject.frames:
            return (), describing.undescribed(subject, "no_frames", _why(subject))
        enriched = subject.enriched
        kind = self.prompts.kind(enriched)
        nearby = await self.answers.nearby(enriched.camera_id, enriched.timestamp)
        question = describing.question(subject, self.prompts.prompt(enriched, nearby))
        asked = Asked(kind, question.prompt, layers.content_key(question.frames, question.prompt))
        if not again and (known := await self._same(asked)):
            return (), describing.reused(subject, asked, known)
        return await self._asked(subject, question, asked)

    async def _asked(self, subject: Subject, question: Question, asked: Asked) -> Concluded:
        ends = self.clock.monotonic() + self.limits.deadline_s
        calls = await self.chain.ask(question, ends)
        noted = tuple(attempts.attempted(question, call) for call in calls)
        asked = replace(asked, attempts=tuple(attempt.id for attempt in noted))
        if calls and isinstance(reply := calls[-1].result, Reply):
            if not calls[-1].reusable:
                asked = replace(asked, content_key=None)
            return noted, describing.described(subject, asked, calls[-1].provider, reply)
        late = self.clock.monotonic() >= ends or attempts.out_of_time(calls)
        reason, detail = describing.without_answer(calls, late=late)
        similar = await self._similar(subject, asked.kind)
        if similar:
            return noted, describing.degraded(subject, asked, similar, reason)
        return noted, describing.undescribed(subject, reason, detail, asked.attempts)

    async def _same(self, asked: Asked) -> EarlierAnswer | None:
        if asked.content_key is None:
            return None
        since = self.clock.now() - layers.CONTENT_AGE_MAX
        return await self.answers.same(asked.content_key, asked.kind, since)

    async def _similar(self, subject: Subject, kind: str) -> EarlierAnswer | None:
        hashes, age_max_s = layers.hashes(subject.frames), self.limits.similar_age_max_s
        if not hashes or age_max_s is None:
            return None
        since = self.clock.now() - timedelta(seconds=age_max_s)
        return await self.answers.similar(subject.enriched.camera_id, kind, hashes, since)


def _why(subject: Subject) -> str:
    if subject.clip_failure is None:
        return "no frame"
    return f"{subject.clip_failure}: {subject.clip_detail}"
