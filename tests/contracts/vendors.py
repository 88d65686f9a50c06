"""Every adapter beside the simulated vendor that it is tried on."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.util import find_spec
from typing import Final

import msgspec

from connectors.memory.media import MemoryMedia
from connectors.providers.anthropic import anthropic
from connectors.providers.gemini import gemini
from connectors.providers.gemini_legacy import gemini_legacy
from connectors.providers.grok import grok
from connectors.providers.openai import openai
from connectors.providers.openai_compatible import Dialect, openai_compatible
from connectors.providers.remote import Account, Remote
from infra.fakes.anthropic import MessagesSpeech
from infra.fakes.gemini import GenerateSpeech
from infra.fakes.modes import Mode
from infra.fakes.openai import ChatSpeech
from infra.fakes.server import Fake, running
from infra.fakes.speech import Speech
from infra.prompts.loading import prompts
from schemas.attempts import ErrorClass
from schemas.clips import ClipReady, Frame
from schemas.examples.stories import EXAMPLES
from streams import describing
from streams.ports import MediaStore
from streams.providers.ports import Question

KEY: Final = "sk-planted-0123456789abcdef"
MODEL: Final = "model-of-tests"
PICTURES: Final = tuple(b"\xff\xd8\xff picture %d \xfb\xff\xd9" % number for number in range(3))
"""As much of a JPEG as anybody here looks at; base64 makes `+` and `/` of it."""

Makes = Callable[[Account, MediaStore], Remote]


@dataclass(frozen=True)
class Vendor:
    """How an adapter is made, and whom it meets; `path` is where the vendor's addresses begin."""

    makes: Makes
    speech: Speech
    path: str = ""
    request_id: str | None = "req-simulated"
    otherwise: Mapping[Mode, ErrorClass] = field(default_factory=dict)
    """Modes of which its SDK makes something else than the others do."""


def local(dialect: Dialect) -> Makes:
    return lambda account, media: openai_compatible("local", account, dialect, media)


VENDORS: Final[dict[str, Vendor]] = {
    "openai": Vendor(openai, ChatSpeech("openai"), "/v1"),
    "grok": Vendor(grok, ChatSpeech("xai", xai=True), "/v1"),
    "gemini": Vendor(gemini, GenerateSpeech()),
    "anthropic": Vendor(anthropic, MessagesSpeech()),
    "compatible": Vendor(local(Dialect()), ChatSpeech("local"), "/v1"),
    "compatible-prompt": Vendor(
        local(Dialect(schema="prompt")), ChatSpeech("local", strict=False), "/v1"
    ),
    "compatible-object": Vendor(
        local(Dialect("max_completion_tokens", "json_object")),
        ChatSpeech("local", strict=False),
        "/v1",
    ),
}
LEGACY: Final = find_spec("google.generativeai") is not None
"""An extra, with an environment and a stage of `./vidette test --all` of its own."""
if LEGACY:
    VENDORS["gemini_legacy"] = Vendor(
        gemini_legacy,
        GenerateSpeech(legacy=True),
        request_id=None,
        otherwise={"400-flat": "malformed"},  # it looks for a sentence where there is none
    )


@dataclass(frozen=True)
class Scene:
    """An adapter, the vendor that it meets, and a question about three pictures."""

    provider: Remote
    fake: Fake
    question: Question
    media: MemoryMedia


@asynccontextmanager
async def scene(vendor: Vendor, *, key: str = KEY, timeout_s: float = 20.0) -> AsyncIterator[Scene]:
    """Both, as long as the context lasts."""
    fake = Fake(vendor.speech, KEY)
    media = MemoryMedia()
    frames = tuple([await kept(media, picture) for picture in PICTURES])
    async with running(fake):
        account = Account(f"{fake.url}{vendor.path}", key, MODEL, timeout_s)
        provider = vendor.makes(account, media)
        opened = provider.opens()
        provider = replace(provider, opens=lambda: opened)  # the time to import an SDK apart
        try:
            yield Scene(provider, fake, asked(frames), media)
        finally:
            await provider.aclose()


async def kept(media: MemoryMedia, picture: bytes) -> Frame:
    digest = await media.put(picture)
    return Frame(sha256=digest, at_s=0, width=1, height=1, size_bytes=len(picture))


def asked(frames: tuple[Frame, ...]) -> Question:
    ready = msgspec.convert(msgspec.to_builtins(EXAMPLES["clip-ready"]), ClipReady)
    subject = replace(describing.of_clip(ready), frames=frames)
    return describing.question(subject, prompts().prompt(ready.enriched))


def hashes() -> tuple[str, ...]:
    return tuple(sha256(picture).hexdigest() for picture in PICTURES)
