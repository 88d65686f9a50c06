"""What the API answers, as pydantic models: rows of the read model, by the names of its columns."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field

from schemas.attempts import ErrorClass, NotAskedReason
from streams.queries import OutcomeName
from streams.telling import choosing

_FRAME = "56f5a971b3594642a6a1c07ed7b8a1467240b578ecdbc8bf8f9189e7a1b219bf"


class Answer(BaseModel):
    """Read from the attributes of rows, which are frozen dataclasses."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Camera(Answer):
    """A camera, or a device that photos came from."""

    id: Annotated[UUID, Field(examples=["1a8d6d73-6292-8255-996f-0a6512bc6ab9"])]
    kind: Literal["camera", "upload"]
    source: Annotated[str, Field(examples=["protect"])]
    source_id: Annotated[str, Field(examples=["65a8f0c2e4b0a1d2c3e4f506"])]
    name: Annotated[str | None, Field(examples=["Front gate"])]
    site: Annotated[str | None, Field(examples=["Harbour road"])]
    privacy: Annotated[str | None, Field(examples=["any"])]
    registered: Annotated[bool, Field(description="False: heard from, but not in the registry.")]
    removed: bool
    registry_version: int | None
    settings: Annotated[dict[str, JsonValue], Field(description="Zones and policy.")]
    created_at: datetime


class Cameras(Answer):
    """All of them, sorted by id."""

    items: tuple[Camera, ...]


class EventSummary(Answer):
    """What became of one camera event or inference result."""

    id: Annotated[UUID, Field(examples=["019ceb4a-ab62-841f-862c-da34b02d200a"])]
    event_id: Annotated[
        UUID,
        Field(
            description="Of the camera event, as `POST /api/v1/camera-events` answers it.",
            examples=["019ceb4a-ab62-8034-a8d6-685979c8013e"],
        ),
    ]
    camera_id: Annotated[UUID, Field(examples=["1a8d6d73-6292-8255-996f-0a6512bc6ab9"])]
    timestamp: Annotated[datetime, Field(description="When it happened.")]
    created_at: Annotated[datetime, Field(description="When the outcome was recorded.")]
    outcome: OutcomeName
    description: Annotated[
        str | None, Field(examples=["A person with a backpack walks to the gate and stops there."])
    ]
    labels: Annotated[tuple[str, ...], Field(examples=[["person", "backpack"]])]
    confidence: Annotated[float | None, Field(ge=0, le=1)]
    model_id: Annotated[str, Field(examples=["gpt-5-mini-2025-08-07"])]
    provider_used: Annotated[str | None, Field(examples=["openai"])]
    frame_id: int | None
    reason: Annotated[str | None, Field(description="Why it was skipped or not described.")]
    fallback_reason: str | None
    fallback_detail: str | None
    degraded: bool
    revision: int
    correlation_id: str


class Events(Answer):
    """One page, newest first; the next one is asked for with `cursor`."""

    items: tuple[EventSummary, ...]
    next_cursor: Annotated[str | None, Field(description="Null on the last page.")]


class Frame(Answer):
    """One still picture that a provider saw or could have seen."""

    sha256: Annotated[str, Field(examples=[_FRAME])]
    at_s: Annotated[float, Field(description="Seconds into the clip.")]
    width: int
    height: int
    size_bytes: int

    @computed_field
    def url(self) -> str:
        """Where the API gives it."""
        return f"/api/v1/frames/{self.sha256}"


class Clip(Answer):
    """What was fetched for an event; `failure` when it could not be."""

    sha256: str | None
    url: str | None
    size_bytes: int | None
    duration_s: float | None
    width: int | None
    height: int | None
    truncated: bool
    failure: str | None
    snapshot: Annotated[bool, Field(description="A still picture stands in for the clip.")]
    motion: JsonValue


class Usage(Answer):
    """Tokens as the provider counted them; null where it did not say."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    image_tokens: int | None


class Attempt(Answer):
    """One call of a provider, or one decision not to call it."""

    id: UUID
    position: int
    attempt: Annotated[int, Field(description="Which call of this provider; 0: not called.")]
    provider: Annotated[str, Field(examples=["openai"])]
    status: Annotated[
        Literal["begun", "answered", "failed", "skipped"],
        Field(description="`begun` is a call that never ended: its worker died."),
    ]
    not_asked: NotAskedReason | None
    error_class: ErrorClass | None
    error_code: str | None
    detail: str
    model_asked: str | None
    model_answered: str | None
    prompt_version: str | None
    prompt_sha256: str | None
    frames: Annotated[tuple[str, ...], Field(description="Hashes of those it saw.")]
    latency_ms: float | None
    usage: Usage | None
    cost_usd: Annotated[Decimal | None, Field(description="Null is unknown, which is not 0.")]
    price_version: str | None
    request_id: str | None
    attempted_at: datetime

    @computed_field
    def sentence(self) -> str | None:
        """What happened, what was done about it, and what to do; null when it answered."""
        told = choosing.of_attempt(self.status, self.not_asked, self.error_class)
        return str(told) if told else None


class Event(EventSummary):
    """An event with everything that explains it."""

    detections: dict[str, JsonValue]
    event_metadata: dict[str, JsonValue]
    attempts: tuple[Attempt, ...]
    clip: Clip | None
    frames: tuple[Frame, ...]

    @computed_field
    def sentence(self) -> str | None:
        """Likewise of the outcome; null when it was described as it should be."""
        told = choosing.of_outcome(self.reason, self.fallback_reason)
        return str(told) if told else None


class Accepted(Answer):
    """The broker has the event; what becomes of it is at `/api/v1/events/{id}` soon."""

    id: Annotated[UUID, Field(examples=["019ceb4a-ab62-8034-a8d6-685979c8013e"])]
    topic: Annotated[str, Field(examples=["camera.events.v1"])]
    partition: Annotated[int, Field(ge=0, examples=[3])]
    offset: Annotated[int, Field(ge=0, examples=[48211])]


class Check(Answer):
    """Whether one thing that we need can be reached."""

    status: Literal["ok", "unavailable"]
    detail: str = ""
    seconds: Annotated[float, Field(ge=0, examples=[0.004])]


class Health(Answer):
    """`ok` when all that is needed can be reached."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Check]
