"""What a chain hangs on, in memory: a fixed order, good health, no limits, nobody told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from schemas.attempts import AttemptBegun
from streams.providers.ports import (
    Candidates,
    Missing,
    Provider,
    ProviderError,
    Question,
    Refusal,
    Reply,
    Reservation,
)


@dataclass(frozen=True)
class FixedRoster:
    """The same order for every camera, always."""

    providers: Sequence[Provider | Missing]

    def candidates(self, camera_id: UUID) -> Candidates:
        """All of them."""
        del camera_id
        return self.providers


@dataclass(frozen=True)
class GoodHealth:
    """Every provider may be asked."""

    async def admits(self, provider: Provider) -> Refusal | None:
        """Always."""
        del provider
        return None

    def saw(self, provider: Provider, result: Reply | ProviderError) -> None:
        """Changes nothing."""


@dataclass(frozen=True)
class NoLimits:
    """Everything may be spent."""

    async def reserve(
        self, provider: Provider, question: Question, attempt_id: UUID
    ) -> Reservation | Refusal:
        """Puts nothing aside."""
        del question
        return Reservation(attempt_id, provider.name, 0, None)

    async def settle(self, reservation: Reservation, result: Reply | ProviderError | None) -> None:
        """Nothing was put aside."""


@dataclass(frozen=True)
class Unannounced:
    """Tells nobody."""

    async def begun(self, attempt: AttemptBegun) -> None:
        """Nobody hears it."""


@dataclass(frozen=True)
class Announced:
    """Remembers what was begun."""

    attempts: list[AttemptBegun] = field(default_factory=list)

    async def begun(self, attempt: AttemptBegun) -> None:
        """Remembers it."""
        self.attempts.append(attempt)
