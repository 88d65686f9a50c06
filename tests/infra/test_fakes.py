"""The simulated vendors: what they take, how they change, and that they count exactly."""

import asyncio

import httpx
import pytest

from infra.fakes.hosting import hosted
from infra.fakes.modes import Mode
from infra.fakes.openai import ChatSpeech
from infra.fakes.server import Fake, running
from streams.providers.ports import ProviderError
from tests.contracts.vendors import KEY, VENDORS, Scene, Vendor, scene

every_vendor = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


async def said(met: Scene, times: int) -> list[str]:
    """What becomes of so many questions, one after the other."""
    results = []
    for _ in range(times):
        try:
            await met.provider.ask(met.question)
            results.append("answered")
        except ProviderError as error:
            results.append(error.error_class)
    return results


@every_vendor
async def test_a_script_comes_before_the_mode(vendor: Vendor) -> None:
    async with scene(vendor) as met:
        met.fake.mode = "503"
        met.fake.script.extend(["ok", "500"])

        assert await said(met, 3) == ["answered", "server", "overloaded"]


@every_vendor
async def test_failing_once_is_over_after_once(vendor: Vendor) -> None:
    async with scene(vendor) as met:
        met.fake.mode = "fail-once"

        assert await said(met, 3) == ["server", "answered", "answered"]


@every_vendor
async def test_a_closed_port_opens_again(vendor: Vendor) -> None:
    async with scene(vendor) as met:
        before = await said(met, 1)
        await met.fake.switch("refused")
        away = await said(met, 1)
        await met.fake.switch("ok")

        assert (before, away, await said(met, 1)) == (["answered"], ["network"], ["answered"])


@every_vendor
async def test_it_bills_what_it_said_and_nothing_else(vendor: Vendor) -> None:
    modes: list[Mode] = ["ok", "500", "truncated", "429", "missing-usage", "wrong-schema", "html"]
    async with scene(vendor) as met:
        met.fake.script.extend(modes)
        await said(met, len(modes))

    counted = met.fake.counted
    billed = [call.usage for call in met.fake.calls if call.usage]
    assert (counted.calls, counted.billed) == (7, 4)
    assert counted.input_tokens == sum(usage.input_tokens or 0 for usage in billed)
    assert [call.mode for call in met.fake.calls] == modes


async def test_many_at_once_are_all_counted() -> None:
    async with scene(VENDORS["openai"]) as met:
        asked = [met.provider.ask(met.question) for _ in range(50)]
        replies = await asyncio.gather(*asked)

    spent = sum(reply.usage.output_tokens or 0 for reply in replies if reply.usage)
    assert (met.fake.counted.calls, met.fake.counted.output_tokens) == (50, spent)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"model": "m", "messages": [{"content": "text"}], "max_tokens": 9}',
        b'{"model": "m", "messages": [], "max_tokens": 9}',
    ],
)
async def test_what_the_vendor_would_not_take_is_a_bad_request(body: bytes) -> None:
    fake = Fake(ChatSpeech("openai"), KEY)
    async with running(fake), httpx.AsyncClient() as client:
        url, headers = f"{fake.url}{fake.speech.route}", {"authorization": f"Bearer {KEY}"}
        response = await client.post(url, content=body, headers=headers)

    assert (response.status_code, [call.mode for call in fake.calls]) == (400, ["unreadable"])


def test_a_program_without_a_loop_may_host_them() -> None:
    fake = Fake(ChatSpeech("openai"), KEY)
    with hosted(fake) as host:
        host.switch(fake, "503")
        response = httpx.post(f"{fake.url}{fake.speech.route}", content=b"{}")

    assert (response.status_code, fake.counted.calls) == (400, 1)
