"""What agents call, in memory and moody: clips, a decoder, a media store, two providers.

An event's `clip_url` says what its clip is like: `sim://fine/…`, `sim://gone/…`, `sim://poison/…`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from connectors.memory.media import MemoryMedia
from connectors.memory.network import Unclear
from schemas.attempts import Answer
from schemas.clips import Motion
from streams.ports import ClipError, Decoded, Picture, StoreAway
from streams.providers.ports import AT_HOME, Profile, ProviderError, Question, Reply
from tests.simulation.weather import Path as Way

HANGS_S: Final = 3_600.0
POISON: Final = "poison"


@dataclass
class Mood:
    """How the outside behaves; `ill` is the share of calls that go wrong."""

    chance: random.Random
    ill: float = 0.2
    asked: Counter[str] = field(default_factory=Counter)
    """Calls of providers, by event id."""

    async def suffer(self, errors: tuple[Exception, ...]) -> None:
        """Nothing, a wait, an error or a hang."""
        if self.chance.random() >= self.ill:
            await asyncio.sleep(self.chance.random() * 0.5)
            return
        fate = self.chance.random()
        if fate < 0.5:
            raise self.chance.choice(errors)
        await asyncio.sleep(HANGS_S if fate > 0.9 else self.chance.random() * 20)


@dataclass(frozen=True)
class MoodyClips:
    mood: Mood

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Path]:
        if "://gone/" in url:
            raise ClipError("not_found", "it expired")
        await self.mood.suffer((ClipError("unreachable", "refused"), ClipError("timed_out", "")))
        yield Path(url)


@dataclass(frozen=True)
class MoodyDecoder:
    mood: Mood

    async def decode(self, media: Path, *, frames_max: int) -> Decoded:
        await self.mood.suffer((ClipError("corrupt", "cut"), ClipError("decoder_failed", "killed")))
        name = str(media)
        picture = Picture(jpeg=name.encode(), at_s=0.0, width=4, height=3)
        return Decoded(
            sha256=sha256(name.encode()).hexdigest(),
            size_bytes=len(name),
            duration_s=1.0,
            width=4,
            height=3,
            truncated=False,
            pictures=(picture,)[:frames_max],
            motion=Motion(still=True, measured_s=0.0, frames_measured=1, brightness=0.5, noise=0.0),
        )


@dataclass(frozen=True)
class DistantMedia(MemoryMedia):
    """A media store that may be away."""

    way: Way | None = None

    async def put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        if self.way is None:
            return digest
        try:
            await self.way.call(lambda: self.contents.__setitem__(digest, content))
        except Unclear as error:
            raise StoreAway(str(error)) from error
        return digest


@dataclass(frozen=True)
class MoodyProvider:
    """Answers with its name; an event whose clip is poison meets a bug in it."""

    name: str
    mood: Mood
    model: str = "model"
    profile: Profile = AT_HOME

    async def ask(self, question: Question) -> Reply:
        event = question.enriched.event
        self.mood.asked[event.event_id] += 1
        if POISON in event.event_id:
            text = "a bug"
            raise ZeroDivisionError(text)
        errors = (ProviderError("server", "503"), ProviderError("rate_limited", "429"))
        await self.mood.suffer(errors)
        return Reply(Answer(description=f"{self.name} saw it"), self.model)
