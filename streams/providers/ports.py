"""What a provider is asked, what it may answer, and how it says no."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Final, Protocol
from uuid import UUID

from schemas.attempts import Answer, AttemptBegun, ErrorClass, NotAskedReason, Usage
from schemas.clips import CameraEventEnriched, Frame, Motion


@dataclass(frozen=True)
class Prompt:
    """What is said to a provider beside the frames.

    `version` and `sha256` name the file it was made from: they stay when the event's words change.
    """

    version: str
    sha256: str
    system: str
    text: str


@dataclass(frozen=True)
class Question:
    """What a provider is asked: about which event, with which frames, under which prompt."""

    enriched: CameraEventEnriched
    frames: tuple[Frame, ...]
    motion: Motion | None
    duration_s: float
    prompt: Prompt


@dataclass(frozen=True)
class Reply:
    """A provider's answer, and what it cost; `model` is the one that says it answered."""

    answer: Answer
    model: str
    usage: Usage | None = None
    request_id: str | None = None


class ProviderError(Exception):
    """A provider did not answer; `error_class` says of what kind the failure is.

    `code` is the vendor's own word for it. `retry_after_s` is what it asked us to wait, if it did.
    `usage` is what the failed call cost all the same: a truncated answer is paid for.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        detail: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        usage: Usage | None = None,
        model: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{error_class}: {detail}")
        self.error_class = error_class
        self.detail = detail
        self.code = code
        self.retry_after_s = retry_after_s
        self.usage = usage
        self.model = model
        self.request_id = request_id


@dataclass(frozen=True)
class Profile:
    """What is known of a provider before it is asked.

    `local` means that no frame leaves the site, `network` that asking can fail on the way and may
    cost something: such calls are announced. Frames beyond the limits are not sent: the chain picks
    a subset. `retries` are further calls after a failure that can pass, `retry_wait_s` apart.
    """

    local: bool = False
    network: bool = True
    frames_max: int = 8
    bytes_max: int = 8 * 1024 * 1024
    output_tokens_max: int = 1_000
    retries: int = 1
    retry_wait_s: float = 0.5
    retries_all: bool = False
    """Retries every class that can pass, also a rate limit or a server that is down."""
    fingerprint: str = ""
    """Tells its key, address and model from others; see `streams.providers.health.fingerprint`."""


AT_HOME: Final = Profile(local=True, network=False, retries=0)
"""Computed in our own process."""


class Provider(Protocol):
    """Answers a question about frames."""

    @property
    def name(self) -> str:
        """As `ai_provider_order` writes it."""
        ...

    @property
    def model(self) -> str:
        """The model that will be asked."""
        ...

    @property
    def profile(self) -> Profile:
        """What it takes."""
        ...

    async def ask(self, question: Question) -> Reply:
        """One call, no retry; cancelled when its time is over.

        Raises ProviderError when there is no answer, StoreAway when the frames can't be read now.
        """
        ...


@dataclass(frozen=True)
class Refusal:
    """Why a provider is not asked this time."""

    reason: NotAskedReason
    detail: str
    error_class: ErrorClass | None = None


@dataclass(frozen=True)
class Missing:
    """A provider that the order names and that can't be asked at all: it has no key."""

    name: str
    refusal: Refusal


Candidates = Sequence[Provider | Missing]
"""In the order in which they are asked."""


class Roster(Protocol):
    """Who is asked, in which order; the order may change while we run."""

    def candidates(self, camera_id: UUID) -> Candidates:
        """For an event of this camera, now."""
        ...


class Health(Protocol):
    """What all workers know of the providers together: breakers and the blacklist."""

    async def admits(self, provider: Provider) -> Refusal | None:
        """None when it may be asked now. May claim a probe, and then waits for its own claim."""
        ...

    def saw(self, provider: Provider, result: Reply | ProviderError) -> None:
        """How a turn ended: all calls of one provider for one event, retries included."""
        ...


@dataclass(frozen=True)
class Reservation:
    """Budget put aside for one call, under the attempt's id; `lease_id` None: nothing limits it.

    The call has to begin before `ends`, in seconds of the monotonic clock: later its budget may be
    somebody else's.
    """

    attempt_id: UUID
    provider: str
    tokens: int
    cost_usd: Decimal | None
    lease_id: UUID | None = None
    ends: float = inf


class Budgets(Protocol):
    """Requests, tokens and money that may still be spent."""

    async def reserve(
        self, provider: Provider, question: Question, attempt_id: UUID
    ) -> Reservation | Refusal:
        """Before a call; never more in sum than a limit allows."""
        ...

    async def settle(self, reservation: Reservation, result: Reply | ProviderError | None) -> None:
        """After a call: what it cost indeed. `None`: it was never made."""
        ...


class Announcements(Protocol):
    """Says in the log that a call begins, so that one which never ends can be seen."""

    async def begun(self, attempt: AttemptBegun) -> None:
        """Returns when the log holds it. Raises StoreAway: the log can't be written now."""
        ...
