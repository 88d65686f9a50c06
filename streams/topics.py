"""The catalogue of topics: what each carries, by what key, how long it is kept.

Partition counts are fixed when a topic is made: order per camera hangs on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar

import msgspec

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import CameraRegistered
from schemas.clips import (
    CameraEventEnriched,
    ClipNotWanted,
    ClipOutcome,
    ClipReady,
    ClipUnavailable,
)
from schemas.codec import EVENT_BYTES_MAX, Codec
from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    Commands,
    ResetQuota,
    SwitchProviderOrder,
    UnblacklistProvider,
)
from schemas.inferences import InferenceResult
from schemas.outcomes import AiEvent, Degraded, Described, InferenceRecorded, Skipped, Undescribed
from schemas.providers import (
    BlacklistChanged,
    BreakerChanged,
    ProviderStates,
    ProviderUsed,
    QuotaWarned,
)
from schemas.requests import AnalysisRequested

W_co = TypeVar("W_co", bound=msgspec.Struct, covariant=True)

FOR_EVER: Final = None
WEEK: Final = timedelta(days=7)


@dataclass(frozen=True)
class Topic(Generic[W_co]):
    """One topic.

    `kept` is a time, `None` for ever; `compacted` keeps the newest record of each key.
    """

    name: str
    key: str
    codec: Codec[W_co]
    kept: timedelta | None
    compacted: bool = False
    about: str = ""

    @property
    def words(self) -> tuple[type[W_co], ...]:
        """The words it carries."""
        return self.codec.words


CAMERA_EVENTS: Final[Topic[CameraEvent]] = Topic(
    "camera.events.v1",
    "camera_id",
    Codec(SmartDetection, MotionDetected, CameraConnectionChanged, bytes_max=EVENT_BYTES_MAX),
    WEEK,
    about="what cameras and the systems around them report",
)
INFERENCE_RESULTS: Final[Topic[InferenceResult]] = Topic(
    "inference.results.v1",
    "camera_id",
    Codec(InferenceResult, bytes_max=EVENT_BYTES_MAX),
    WEEK,
    about="what models at the edge or in the cloud report",
)
REGISTRY: Final[Topic[CameraRegistered]] = Topic(
    "camera.registry.v1",
    "camera_id",
    Codec(CameraRegistered, bytes_max=EVENT_BYTES_MAX),
    FOR_EVER,
    compacted=True,
    about="the full state of every camera; removed ones are marked",
)
ENRICHED: Final[Topic[CameraEventEnriched]] = Topic(
    "camera.events.enriched.v1",
    "camera_id",
    Codec(CameraEventEnriched),
    WEEK,
    about="the event together with its camera",
)
CLIPS: Final[Topic[ClipOutcome]] = Topic(
    "camera.clips.v1",
    "camera_id",
    Codec(ClipReady, ClipUnavailable, ClipNotWanted),
    WEEK,
    about="frames and motion, or why there are none",
)
ANALYSIS_REQUESTS: Final[Topic[AnalysisRequested]] = Topic(
    "analysis.requests.v1",
    "camera_id",
    Codec(AnalysisRequested),
    WEEK,
    about="analysis asked for again, by an operator or by `repair`",
)
AI_EVENTS: Final[Topic[AiEvent]] = Topic(
    "ai.events.v1",
    "camera_id",
    Codec(Described, Degraded, Undescribed, Skipped),
    FOR_EVER,
    about="the immutable log: every outcome of analysis",
)
AI_INFERENCES: Final[Topic[InferenceRecorded]] = Topic(
    "ai.inferences.v1",
    "camera_id",
    Codec(InferenceRecorded),
    FOR_EVER,
    about="inference results as recorded",
)
AI_ATTEMPTS: Final[Topic[AttemptBegun | ProviderAttempted]] = Topic(
    "ai.attempts.v1",
    "camera_id",
    Codec(AttemptBegun, ProviderAttempted),
    FOR_EVER,
    about="every call of a provider, and every decision not to call one",
)
PROVIDER_STATE: Final[Topic[ProviderStates]] = Topic(
    "provider.state.v1",
    "provider/kind",
    Codec(BreakerChanged, BlacklistChanged, QuotaWarned, ProviderUsed),
    FOR_EVER,
    compacted=True,
    about="what all workers know of providers: breakers, the blacklist, quotas",
)
COMMANDS: Final[Topic[Commands]] = Topic(
    "control.commands.v1",
    "subject",
    Codec(
        SwitchProviderOrder,
        BlacklistProvider,
        UnblacklistProvider,
        ClearCache,
        ResetQuota,
    ),
    FOR_EVER,
    about="what operators asked for: who, when and why",
)


@dataclass(frozen=True)
class RawTopic:
    """A topic whose values are bytes as they came."""

    name: str
    key: str
    kept: timedelta | None
    compacted: bool = False
    about: str = ""


DEAD_LETTERS: Final = RawTopic(
    "dead.letters.v1",
    "original key",
    timedelta(days=90),
    about="raw bytes of what could not be processed, from where and why",
)

FROM_OUTSIDE: Final = frozenset({CAMERA_EVENTS.name, INFERENCE_RESULTS.name, REGISTRY.name})
"""Names of those that upstream writes; of the others we know how a record of ours looks."""

TOPICS: Final = (
    CAMERA_EVENTS,
    INFERENCE_RESULTS,
    REGISTRY,
    ENRICHED,
    CLIPS,
    ANALYSIS_REQUESTS,
    AI_EVENTS,
    AI_INFERENCES,
    AI_ATTEMPTS,
    PROVIDER_STATE,
    COMMANDS,
)


def catalogue() -> Iterator[Topic[msgspec.Struct] | RawTopic]:
    """Every topic, in the order in which events flow."""
    yield from TOPICS
    yield DEAD_LETTERS
