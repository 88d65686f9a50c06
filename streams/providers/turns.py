"""Whose turn it is and with what: time shared out, frames chosen, pictures kept at home."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.cameras import Camera
from schemas.clips import Frame
from streams.providers.ports import Profile, Provider, ProviderError, Question, Refusal, Reply

TURN_S_MIN: Final = 0.05
"""With less time left nobody is called."""


def share_s(left_s: float, *, others: int) -> float:
    """Seconds of `left_s` that the next provider may spend while `others` wait behind it.

    Half of what is left, and the last one all of it: none can spend the time of all.
    """
    return left_s / 2 if others else left_s


def may_see(profile: Profile, camera: Camera) -> bool:
    """Whether frames of the camera may go to such a provider."""
    return profile.local or camera.privacy != "local-only"


def refusal(provider: Provider, question: Question) -> Refusal | None:
    """What pen and paper say against asking this provider."""
    if not may_see(provider.profile, question.enriched.camera):
        detail = "the camera is local-only: its frames don't leave the site"
        return Refusal("privacy", detail, "policy")
    if not fitting(question.frames, provider.profile):
        detail = f"no frame fits into {provider.profile.bytes_max} bytes"
        return Refusal("capability", detail, "capability")
    return None


def fitting(frames: Sequence[Frame], profile: Profile) -> tuple[Frame, ...]:
    """As many frames as the provider takes, spread over all of them; the same ones every time."""
    for count in range(min(len(frames), profile.frames_max), 0, -1):
        chosen = tuple(frames[place] for place in _spread(len(frames), count))
        if sum(frame.size_bytes for frame in chosen) <= profile.bytes_max:
            return chosen
    return ()


def addressed(question: Question, provider: Provider) -> Question:
    """The question with the frames that this provider takes."""
    frames = fitting(question.frames, provider.profile)
    return replace(question, frames=frames)


def _spread(of: int, count: int) -> tuple[int, ...]:
    if count == 1:
        return (of // 2,)
    return tuple(round(place * (of - 1) / (count - 1)) for place in range(count))


@dataclass(frozen=True)
class KeptAtHome:
    """A provider beyond the site, behind a door that no frame of a local-only camera passes.

    The chain doesn't ask it in the first place; this holds when a chain has a bug.
    """

    provider: Provider

    @property
    def name(self) -> str:
        """The provider's."""
        return self.provider.name

    @property
    def model(self) -> str:
        """The provider's."""
        return self.provider.model

    @property
    def profile(self) -> Profile:
        """The provider's."""
        return self.provider.profile

    async def ask(self, question: Question) -> Reply:
        """Asks, unless frames would leave a site that they must not leave."""
        if not may_see(self.profile, question.enriched.camera):
            raise ProviderError("policy", "the camera is local-only")
        return await self.provider.ask(question)
