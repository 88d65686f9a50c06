"""The topology: which agent reads what and writes what. Read this first."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, cast

import msgspec

from agents.chain import Chain
from agents.describe import Describe, Limits
from agents.enrich import Enrich
from agents.fetch_clips import FetchClips
from agents.record_inference import RecordInference
from infra.settings import Settings
from streams.ports import Cameras, Clips, Clock, Decoder, MediaStore, Outcomes
from streams.projection.ports import ReadModel
from streams.projection.project import PROJECTED
from streams.providers.layers import Answers
from streams.providers.prompts import Prompts
from streams.steps import Effect, Projection, Pure, Step
from streams.topics import (
    AI_ATTEMPTS,
    AI_EVENTS,
    AI_INFERENCES,
    ANALYSIS_REQUESTS,
    CAMERA_EVENTS,
    CLIPS,
    ENRICHED,
    INFERENCE_RESULTS,
    Topic,
)

STEPS: Final = (
    "enrich",
    "fetch_clips",
    "describe",
    "describe_again",
    "record_inference",
    "project",
)
"""Names of all steps, in the order in which an event meets them."""

DECODERS: Final = 2
"""Files decoded at once; other records of `fetch_clips` wait for their turn within their limit."""

DECODE_S: Final = 40.0
"""The longest that one file may be decoded, a second try included."""

DESCRIBE_GRACE_S: Final = 30.0
"""What `describe` may take beyond its deadline before the runtime gives the record up."""


@dataclass(frozen=True)
class Ports:
    """What agents may call, as this process speaks them."""

    cameras: Cameras
    cameras_ready: Callable[[], Awaitable[None]]
    clips: Clips
    decoder: Decoder
    media: MediaStore
    chain: Chain
    answers: Answers
    prompts: Prompts
    chain_ready: Callable[[], Awaitable[None]]
    """Returns when the chain knows what others know of the providers."""
    outcomes: Outcomes
    read_model: ReadModel
    make_days: Callable[[date, date], Awaitable[int]]
    """Makes the read model's partitions for these days; how many were missing."""
    clock: Clock
    repair: Callable[[], Coroutine[None, None, None]]
    """Takes up again what nobody could describe; goes beside `describe_again`."""


def fetch_deadline_s(settings: Settings) -> float:
    """For all attempts at one URL: two whole downloads, and the waits between them."""
    return 2 * settings.clip_timeout_s


def fetch_time_limit_s(settings: Settings) -> float:
    """For one record: clip and snapshot fetched and decoded, and the queue at the decoders."""
    turns = settings.fetch_clips_in_flight / DECODERS + 2
    return 2 * fetch_deadline_s(settings) + turns * DECODE_S


def limits(settings: Settings) -> Limits:
    """What one event may cost in time, and what may stand in for its answer."""
    degrades = settings.graceful_degradation_enable
    return Limits(
        deadline_s=settings.describe_deadline_s,
        age_max_s=settings.describe_age_max_s,
        similar_age_max_s=settings.graceful_degradation_ttl if degrades else None,
    )


def topology(ports: Ports, settings: Settings) -> tuple[Step, ...]:
    """Every step, each in its own consumer group, so that each scales and fails alone."""
    describe = Describe(
        ports.chain, ports.answers, ports.prompts, ports.outcomes, ports.clock, limits(settings)
    )
    return (
        Pure(
            name="enrich",
            reads=CAMERA_EVENTS,
            runs=Enrich(ports.cameras),
            writes=(ENRICHED,),
            ready=ports.cameras_ready,
        ),
        Effect(
            name="fetch_clips",
            reads=ENRICHED,
            runs=FetchClips(ports.clips, ports.decoder, ports.media, ports.outcomes),
            writes=(CLIPS,),
            in_flight=settings.fetch_clips_in_flight,
            time_limit_s=fetch_time_limit_s(settings),
        ),
        Effect(
            name="describe",
            reads=CLIPS,
            runs=describe,
            writes=(AI_ATTEMPTS, AI_EVENTS),
            in_flight=settings.describe_in_flight,
            ready=ports.chain_ready,
            time_limit_s=settings.describe_deadline_s + DESCRIBE_GRACE_S,
        ),
        Effect(
            name="describe_again",
            reads=ANALYSIS_REQUESTS,
            runs=describe.again,
            writes=(AI_ATTEMPTS, AI_EVENTS),
            in_flight=settings.describe_again_in_flight,
            ready=ports.chain_ready,
            time_limit_s=settings.describe_deadline_s + DESCRIBE_GRACE_S,
        ),
        Pure(
            name="record_inference",
            reads=INFERENCE_RESULTS,
            runs=RecordInference(ports.cameras),
            writes=(AI_INFERENCES,),
            ready=ports.cameras_ready,
        ),
        Projection(name="project", reads=PROJECTED, into=ports.read_model),
    )


def shown() -> tuple[Step, ...]:
    """Every step with the default settings, to be looked at: its agents can't be called."""
    return topology(cast("Ports", _Nothing()), Settings.model_construct())


def reads_of(step: Step) -> tuple[Topic[msgspec.Struct], ...]:
    """The topics that a step reads."""
    return step.reads if isinstance(step, Projection) else (step.reads,)


@cache
def reads() -> Mapping[str, tuple[str, ...]]:
    """The names of the topics that each step reads, in the order of `STEPS`."""
    found = {step.name: tuple(topic.name for topic in reads_of(step)) for step in shown()}
    return {name: found[name] for name in STEPS}


class _Nothing:
    def __getattr__(self, name: str) -> None:
        return None
