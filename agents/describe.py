"""A clip becomes an outcome: providers are asked in order until one answers, or the time is up."""

import asyncio
from dataclasses import dataclass

from schemas.clips import ClipNotWanted, ClipOutcome, ClipReady, ClipUnavailable
from schemas.outcomes import AiEvent
from streams import describing, identity
from streams.describing import Call
from streams.ports import Clock, Outcomes, Provider, ProviderError, Providers, Question, Reply
from streams.records import Output, Outputs, Received
from streams.topics import AI_ATTEMPTS, AI_EVENTS


@dataclass(frozen=True)
class Describe:
    """Effect: every call is recorded beside the outcome.

    An outcome that the log holds is not redone.
    """

    providers: Providers
    outcomes: Outcomes
    clock: Clock
    deadline_s: float

    async def __call__(self, received: Received[ClipOutcome]) -> Outputs:
        """The attempts and the outcome; nothing when the log has the outcome already."""
        clip = received.event
        outcome_id = identity.outcome_id(clip.enriched.id)
        if outcome_id in await self.outcomes.known((outcome_id,)):
            return ()
        if isinstance(clip, ClipNotWanted):
            return (Output(AI_EVENTS, describing.skipped(clip), received.traceparent),)
        asked = describing.question(clip)
        if asked is None:
            return self._outputs(received, describing.undescribed(clip, "no_frames", _why(clip)))
        ends = self.clock.monotonic() + self.deadline_s
        calls, late = await self._chain(asked, ends)
        attempts = tuple(describing.attempted(asked, call) for call in calls)
        noted = tuple(Output(AI_ATTEMPTS, attempt, received.traceparent) for attempt in attempts)
        outcome = describing.conclude(clip, calls, attempts, late=late)
        return (*noted, *self._outputs(received, outcome))

    async def _chain(self, asked: Question, ends: float) -> tuple[tuple[Call, ...], bool]:
        """The calls, and whether the time ended before the providers did."""
        calls: list[Call] = []
        for position, provider in enumerate(self.providers):
            call, late = await self._call(position, provider, asked, ends)
            calls.append(call)
            if late or isinstance(call.result, Reply):
                return tuple(calls), late
        return tuple(calls), False

    async def _call(
        self, position: int, provider: Provider, asked: Question, ends: float
    ) -> tuple[Call, bool]:
        """One call, and whether the time has ended: a timer may say so before the clock does."""
        began, start = self.clock.now(), self.clock.monotonic()
        result: Reply | ProviderError
        limit = asyncio.timeout(max(0.0, ends - start))
        try:
            async with limit:
                result = await provider.ask(asked)
        except ProviderError as error:
            result = error
        except TimeoutError:
            result = ProviderError("timeout", f"no answer within {self.deadline_s:g} s")
        now = self.clock.monotonic()
        call = Call(position, provider, began, (now - start) * 1000, result)
        return call, limit.expired() or now >= ends

    @staticmethod
    def _outputs(received: Received[ClipOutcome], outcome: AiEvent) -> Outputs:
        return (Output(AI_EVENTS, outcome, received.traceparent),)


def _why(clip: ClipReady | ClipUnavailable) -> str:
    return f"{clip.reason}: {clip.detail}" if isinstance(clip, ClipUnavailable) else "no frame"
