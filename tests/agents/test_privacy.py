"""What may not leave a site does not leave it, whatever the order of providers."""

import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.cameras import PrivacyClass
from streams.providers import turns
from streams.providers.ports import Profile, Question
from streams.providers.turns import KeptAtHome
from tests.agents.test_chain import ASKED, Scripted, asked


def private(privacy: PrivacyClass) -> Question:
    camera = msgspec.structs.replace(ASKED.enriched.camera, privacy=privacy)
    enriched = msgspec.structs.replace(ASKED.enriched, camera=camera)
    return Question(enriched, ASKED.frames, ASKED.motion, ASKED.duration_s, ASKED.prompt)


@given(
    privacy=st.sampled_from(("any", "local-only")),
    locals_=st.lists(st.booleans(), max_size=5),
    careless=st.booleans(),
)
def test_frames_of_a_local_only_camera_never_reach_a_provider_beyond_the_site(
    privacy: PrivacyClass, locals_: list[bool], *, careless: bool
) -> None:
    """Also when somebody calls the providers without asking the chain."""
    providers = [
        Scripted(str(n), ["server"], Profile(local=local, retries=0))
        for n, local in enumerate(locals_)
    ]
    guarded = [KeptAtHome(provider) for provider in providers]
    question = private(privacy)

    async def run() -> None:
        if careless:
            for each in guarded:
                await asyncio.gather(each.ask(question), return_exceptions=True)
        else:
            await asked(*guarded, question=question)

    asyncio.run(run())

    gone_out = [p for p in providers if p.asked and not p.profile.local]
    assert privacy == "any" or gone_out == []
    if privacy == "any" and careless:
        assert all(provider.asked for provider in providers)


def test_when_no_frame_fits_the_provider_is_not_able_to() -> None:
    tiny = Scripted("a", profile=Profile(bytes_max=10))

    refusal = turns.refusal(tiny, ASKED)

    assert refusal is not None
    assert refusal.error_class == "capability"
