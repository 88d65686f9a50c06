"""A provider beyond this process: frames from the media store, one call over a vendor's wire.

What differs from vendor to vendor is a `Wire`; it is opened at the first question, because SDKs
take seconds to import.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Final, Protocol

from schemas.clips import Frame
from streams.ports import MediaStore
from streams.providers.ports import Profile, Prompt, ProviderError, Question, Reply

TIMEOUT_S: Final = 60.0


@dataclass(frozen=True)
class Account:
    """Where a vendor is asked, and as whom.

    `timeout_s` is a second net for one call: the chain has a time-out of its own.
    """

    base_url: str
    key: str = field(repr=False)
    model: str
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True)
class Asked:
    """One call as it goes over the wire: JPEG pictures in order of time."""

    model: str
    prompt: Prompt
    pictures: tuple[bytes, ...]
    output_tokens_max: int


class Wire(Protocol):
    """How a vendor is spoken with, over one client that is used again and again."""

    async def reply(self, asked: Asked) -> Reply:
        """Exactly one request. Raises ProviderError, and nothing else."""
        ...

    async def aclose(self) -> None:
        """Closes its connections."""
        ...


@dataclass(frozen=True)
class Remote:
    """A provider that is asked over a wire."""

    name: str
    model: str
    profile: Profile
    media: MediaStore
    opens: Callable[[], Wire]
    timeout_s: float = TIMEOUT_S

    async def ask(self, question: Question) -> Reply:
        """One call. Raises ProviderError, or StoreAway when the frames can't be read now."""
        try:
            async with asyncio.timeout(self.timeout_s):
                pictures = tuple([await self._picture(frame) for frame in question.frames])
                wire = await self._opened.wire()
                output_max = self.profile.output_tokens_max
                return await wire.reply(Asked(self.model, question.prompt, pictures, output_max))
        except TimeoutError:
            raise ProviderError("timeout", f"no answer within {self.timeout_s:.3g} s") from None

    async def aclose(self) -> None:
        """Closes its connections, if there are any."""
        await self._opened.aclose()

    async def _picture(self, frame: Frame) -> bytes:
        picture = await self.media.get(frame.sha256)
        if picture is None:
            raise ProviderError("capability", f"the frame {frame.sha256} is gone from the store")
        if sha256(picture).hexdigest() != frame.sha256:
            raise ProviderError("capability", f"the frame {frame.sha256} is damaged in the store")
        return picture

    @cached_property
    def _opened(self) -> "_Opened":
        return _Opened(self.opens)


@dataclass
class _Opened:
    opens: Callable[[], Wire]
    found: Wire | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def wire(self) -> Wire:
        """The one wire; others wait while it is opened, in a thread, off the event loop."""
        async with self.opening:
            if self.found is None:
                self.found = await self._made()
            return self.found

    async def _made(self) -> Wire:
        try:
            return await asyncio.to_thread(self.opens)
        except Exception as error:  # noqa: BLE001  # it may quote the key
            problem = ProviderError("bad_request", f"no client: {type(error).__name__}")
        raise problem

    async def aclose(self) -> None:
        if self.found is not None:
            await self.found.aclose()
            self.found = None
