"""Every call of a provider, and every decision not to call one: `ai.attempts.v1`."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from schemas.event import Derived, Fact
from schemas.fields import (
    Count,
    Description,
    Detail,
    Labels,
    Metadata,
    ModelId,
    Name,
    Sha256,
    Share,
    Timestamp,
)
from schemas.inferences import Detections

ErrorClass = Literal[
    "auth",
    "quota",
    "rate_limited",
    "overloaded",
    "server",
    "model_unavailable",
    "timeout",
    "network",
    "bad_request",
    "blocked",
    "truncated",
    "malformed",
    "capability",
    "policy",
]

NotAskedReason = Literal[
    "no_key",
    "privacy",  # the camera's frames stay on the site
    "capability",  # not one frame fits into what it takes
    "policy",
    "blacklisted",
    "breaker_open",
    "probe_taken",  # somebody else tries whether it is back
    "quota",
    "no_time",
]


class Answer(Fact, frozen=True, kw_only=True):
    """What a provider says of an event: one plain description, and what can be counted."""

    description: Description
    labels: Labels = ()
    confidence: Share | None = None
    detections: Detections = ()
    details: Metadata = {}


Usd = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$(?!\n)")]
"""US dollars as decimal text, so that they stay exact."""


class Usage(Fact, frozen=True, kw_only=True):
    """Tokens as the provider counted them; `None` where it did not say.

    `input_tokens` is the whole prompt, what was read from or written to a cache included;
    `output_tokens` is all that is billed as output, reasoning included.
    """

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    image_tokens: Count | None = None


class Reserved(Fact, frozen=True, kw_only=True):
    """What a call may use at most, put aside from a lease of budget."""

    lease_id: UUID
    tokens: Count
    cost_usd: Usd | None = None


class AttemptBegun(Derived, frozen=True, kw_only=True, tag="attempt-begun"):
    """A call is about to be made: without a `provider-attempted` of the same `id` it never ended.

    Its worker died, or lost the partition: whether it was paid for, nobody can say.
    """

    event_id: UUID
    attempted_at: Timestamp
    position: Count
    attempt: Count = 1
    provider: Name
    model_asked: ModelId
    reserved: Reserved | None = None
    """`None`: nothing limits this provider."""


class ProviderAttempted(Derived, frozen=True, kw_only=True, tag="provider-attempted"):
    """One attempt; `timestamp` is the camera event's, `attempted_at` our own clock's."""

    event_id: UUID
    attempted_at: Timestamp
    position: Count
    """Place in the chain of this outcome, from 0."""
    attempt: Count = 1
    """Which call of this provider for this event, from 1; 0 when none was begun."""
    provider: Name
    status: Literal["answered", "failed", "skipped"]
    not_asked: NotAskedReason | None = None
    error_class: ErrorClass | None = None
    error_code: Detail | None = None
    detail: Detail = ""
    model_asked: ModelId | None = None
    model_answered: ModelId | None = None
    prompt_version: Name | None = None
    prompt_sha256: Sha256 | None = None
    frames: Annotated[tuple[Sha256, ...], Meta(max_length=64)] = ()
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    usage: Usage | None = None
    cost_usd: Usd | None = None
    """`None` is unknown, which is not 0."""
    price_version: Name | None = None
    request_id: Detail | None = None
