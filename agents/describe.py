"""A clip becomes an outcome: providers are asked in order until one answers, or the time is up."""

from dataclasses import dataclass

from agents.chain import Chain
from schemas.clips import ClipNotWanted, ClipOutcome, ClipReady, ClipUnavailable
from schemas.outcomes import AiEvent
from streams import describing, identity
from streams.ports import Clock, Outcomes
from streams.records import Output, Outputs, Received
from streams.topics import AI_ATTEMPTS, AI_EVENTS


@dataclass(frozen=True)
class Describe:
    """Effect: every call is recorded beside the outcome.

    An outcome that the log holds is not redone.
    """

    chain: Chain
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
        calls = await self.chain.ask(asked, ends)
        attempts = tuple(describing.attempted(asked, call) for call in calls)
        noted = tuple(Output(AI_ATTEMPTS, attempt, received.traceparent) for attempt in attempts)
        late = self.clock.monotonic() >= ends or describing.out_of_time(calls)
        outcome = describing.conclude(clip, calls, attempts, late=late)
        return (*noted, *self._outputs(received, outcome))

    @staticmethod
    def _outputs(received: Received[ClipOutcome], outcome: AiEvent) -> Outputs:
        return (Output(AI_EVENTS, outcome, received.traceparent),)


def _why(clip: ClipReady | ClipUnavailable) -> str:
    return f"{clip.reason}: {clip.detail}" if isinstance(clip, ClipUnavailable) else "no frame"
