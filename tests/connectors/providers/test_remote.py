"""A provider over the network, whatever its wire."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from connectors.memory.media import MemoryMedia
from connectors.providers.remote import Asked, Remote, Wire
from infra.settings import ROOT
from schemas.attempts import Answer
from streams.ports import StoreAway
from streams.providers.ports import Profile, ProviderError, Question, Reply
from tests.contracts.vendors import PICTURES, asked, kept

SDKS = ("openai", "anthropic", "google.genai", "google.generativeai", "httpx2")


@dataclass
class Told:
    """A wire that remembers what went over it."""

    calls: list[Asked] = field(default_factory=list)
    closed: int = 0

    async def reply(self, asked: Asked) -> Reply:
        self.calls.append(asked)
        return Reply(Answer(description="Nothing moves."), "told-1")

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Opener:
    """Counts how often a wire is opened."""

    wire: Told = field(default_factory=Told)
    opened: int = 0

    def __call__(self) -> Wire:
        self.opened += 1
        return self.wire


class Away(MemoryMedia):
    """A store that can't be read now."""

    async def get(self, sha256: str) -> bytes | None:
        raise StoreAway(sha256)


async def shown(media: MemoryMedia) -> Question:
    return asked(tuple([await kept(media, picture) for picture in PICTURES]))


def remote(opener: Opener, media: MemoryMedia) -> Remote:
    return Remote("told", "told-1", Profile(output_tokens_max=77), media, opener)


async def test_one_client_serves_all_calls() -> None:
    opener, media = Opener(), MemoryMedia()
    provider, question = remote(opener, media), await shown(media)

    await asyncio.gather(*[provider.ask(question) for _ in range(10)])

    assert (opener.opened, len(opener.wire.calls)) == (1, 10)


async def test_no_client_is_made_before_the_first_question() -> None:
    opener = Opener()

    await remote(opener, MemoryMedia()).aclose()

    assert (opener.opened, opener.wire.closed) == (0, 0)


async def test_its_client_is_closed_once() -> None:
    opener, media = Opener(), MemoryMedia()
    provider = remote(opener, media)
    await provider.ask(await shown(media))

    await provider.aclose()
    await provider.aclose()

    assert opener.wire.closed == 1


async def test_what_goes_out_is_the_question_within_the_profile() -> None:
    opener, media = Opener(), MemoryMedia()
    question = await shown(media)

    await remote(opener, media).ask(question)

    assert opener.wire.calls == [Asked("told-1", question.prompt, PICTURES, 77)]


async def test_a_store_that_is_away_is_no_failure_of_the_provider() -> None:
    opener = Opener()

    with pytest.raises(StoreAway):
        await remote(opener, Away()).ask(await shown(MemoryMedia()))


async def test_a_damaged_frame_is_shown_to_nobody() -> None:
    opener, media = Opener(), MemoryMedia()
    question = await shown(media)
    media.contents[question.frames[1].sha256] = PICTURES[1][:-1]

    with pytest.raises(ProviderError, match="damaged") as caught:
        await remote(opener, media).ask(question)

    assert (caught.value.error_class, opener.wire.calls) == ("capability", [])


async def test_a_client_that_can_not_be_made_is_a_failure_with_a_class() -> None:
    media = MemoryMedia()

    def broken() -> Wire:
        raise ValueError("wrong, and the key is sk-planted-0123456789")

    provider = Remote("told", "told-1", Profile(), media, broken)
    with pytest.raises(ProviderError) as caught:
        await provider.ask(await shown(media))

    told = (caught.value.error_class, caught.value.detail, caught.value.__context__)
    assert told == ("bad_request", "no client: ValueError", None)


def test_no_sdk_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, infra.providers.roster; "
        f"print([name for name in {SDKS} if name in sys.modules])"
    )
    said = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)

    assert said.strip() == "[]"
