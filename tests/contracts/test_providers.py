"""What every provider over the network promises, on simulated vendors in every mode."""

import traceback
from collections.abc import AsyncIterator, Mapping
from typing import Final, get_args

import pytest

from infra.fakes.modes import RETRY_AFTER_S, STATUS, Mode
from schemas.attempts import ErrorClass
from streams.providers.ports import Provider, ProviderError
from tests.contracts.vendors import KEY, MODEL, VENDORS, Scene, Vendor, hashes, scene

CLASSES: Final[Mapping[Mode, ErrorClass]] = {
    "429": "rate_limited",
    "429-retry-after": "rate_limited",
    "429-quota": "quota",
    "401": "auth",
    "403": "auth",
    "400-nested": "bad_request",
    "400-flat": "bad_request",
    "400-key": "auth",
    "402": "quota",
    "404": "model_unavailable",
    "500": "server",
    "502-html": "server",
    "503": "overloaded",
    "529": "overloaded",
    "slow": "timeout",
    "drip": "timeout",
    "dropped": "network",
    "cut": "network",
    "refused": "network",
    "html": "malformed",
    "refusal": "blocked",
    "blocked": "blocked",
    "apology": "blocked",
    "unjudgeable": "blocked",
    "truncated": "truncated",
    "wrong-schema": "malformed",
    "empty": "malformed",
    "fail-once": "server",
}
"""Every mode that is no answer; the same for all."""

ANSWERS: Final[tuple[Mode, ...]] = ("ok", "missing-usage")
PAID: Final[tuple[Mode, ...]] = (
    "refusal",
    "blocked",
    "apology",
    "unjudgeable",
    "truncated",
    "wrong-schema",
    "empty",
)
IMPATIENT_S: Final = 1.0

every_vendor = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
every_class = pytest.mark.parametrize("mode", CLASSES)


@pytest.fixture
async def met(vendor: Vendor) -> AsyncIterator[Scene]:
    async with scene(vendor) as made:
        yield made


async def failure(provider: Provider, met: Scene) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await provider.ask(met.question)
    return caught.value


def test_every_mode_is_an_answer_or_has_a_class() -> None:
    assert {*CLASSES, *ANSWERS} == set(get_args(Mode))


@every_vendor
@every_class
async def test_a_failure_is_of_one_class_and_costs_one_request(vendor: Vendor, mode: Mode) -> None:
    async with scene(vendor, timeout_s=IMPATIENT_S if CLASSES[mode] == "timeout" else 20) as met:
        await met.fake.switch(mode)

        error = await failure(met.provider, met)

    expected = vendor.otherwise.get(mode, CLASSES[mode])
    requests = 0 if mode == "refused" else 1
    assert (error.error_class, len(met.fake.calls)) == (expected, requests)


@every_vendor
async def test_the_answer_is_the_one_that_was_given(met: Scene) -> None:
    reply = await met.provider.ask(met.question)

    speaker = met.fake.speech.vendor
    said = f"Simulated answer of {speaker}: 3 pictures were seen."
    assert (reply.answer.description, reply.answer.labels) == (said, ("simulated",))


@every_vendor
async def test_who_answered_is_said_by_the_vendor(vendor: Vendor, met: Scene) -> None:
    reply = await met.provider.ask(met.question)

    assert (reply.model, reply.request_id) == (f"{MODEL}-simulated", vendor.request_id)


@every_vendor
async def test_the_frames_of_the_question_are_sent_in_their_order(met: Scene) -> None:
    await met.provider.ask(met.question)

    assert met.fake.calls[0].frames == hashes()


@every_vendor
async def test_usage_is_what_the_vendor_counted(met: Scene) -> None:
    reply = await met.provider.ask(met.question)

    assert reply.usage == met.fake.calls[0].usage


@every_vendor
async def test_usage_that_is_not_told_is_unknown(met: Scene) -> None:
    await met.fake.switch("missing-usage")

    assert (await met.provider.ask(met.question)).usage is None


@every_vendor
@pytest.mark.parametrize("mode", PAID)
async def test_what_is_paid_for_without_an_answer_is_told(
    vendor: Vendor, met: Scene, mode: Mode
) -> None:
    await met.fake.switch(mode)

    error = await failure(met.provider, met)

    told = (error.usage, error.model, error.request_id)
    assert told == (met.fake.calls[0].usage, f"{MODEL}-simulated", vendor.request_id)


@every_vendor
async def test_a_wait_that_is_asked_for_is_told(met: Scene) -> None:
    await met.fake.switch("429-retry-after")

    assert (await failure(met.provider, met)).retry_after_s == RETRY_AFTER_S


@every_vendor
async def test_a_wrong_key_is_a_matter_for_the_operator(vendor: Vendor) -> None:
    async with scene(vendor, key="sk-wrong-0123456789abcdef") as met:
        assert (await failure(met.provider, met)).error_class == "auth"


@every_vendor
async def test_a_frame_that_is_gone_is_not_asked_about(met: Scene) -> None:
    met.media.contents.pop(hashes()[1])

    error = await failure(met.provider, met)

    assert (error.error_class, met.fake.calls) == ("capability", [])


@every_vendor
async def test_it_answers_again_after_a_failure(met: Scene) -> None:
    met.fake.script.extend(["500", "dropped", "html"])
    for _ in range(3):
        await failure(met.provider, met)

    assert (await met.provider.ask(met.question)).model == f"{MODEL}-simulated"


@every_vendor
@pytest.mark.parametrize("mode", STATUS)
async def test_no_key_is_in_an_error_that_quotes_it(met: Scene, mode: Mode) -> None:
    await met.fake.switch(mode)

    error = await failure(met.provider, met)

    shown = "".join(traceback.format_exception(error))
    said = (error.detail, error.code, error.request_id, shown)
    assert [text for text in said if text and KEY in text] == []
