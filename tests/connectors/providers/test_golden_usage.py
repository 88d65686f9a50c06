"""Bodies as vendors document them, through the adapters: the counts that prices are made with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from infra.fakes.modes import Ending, Mode, Seen
from infra.fakes.speech import Body, Speech
from infra.spending import price_file
from schemas.attempts import Usage
from streams.providers.prices import text
from tests.contracts.vendors import VENDORS, scene
from tests.streams.providers.test_prices import GOLDEN, golden

PRICES: Final = price_file.read()


@dataclass(frozen=True)
class Recorded:
    """A vendor that answers with what is in a file."""

    speech: Speech
    body: Body

    @property
    def vendor(self) -> str:
        return self.speech.vendor

    @property
    def route(self) -> str:
        return self.speech.route

    def key(self, headers: Mapping[str, str]) -> str | None:
        return self.speech.key(headers)

    def seen(self, path: Mapping[str, str], body: Mapping[str, object]) -> Seen:
        return self.speech.seen(path, body)

    def usage(self, seen: Seen, text: str) -> Usage:
        return self.speech.usage(seen, text)

    def answer(self, seen: Seen, ending: Ending, usage: Usage | None) -> Body:
        del seen, ending, usage
        return self.body

    def error(self, mode: Mode, status: int, text: str) -> Body:
        return self.speech.error(mode, status, text)


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
async def test_what_a_vendor_says_that_it_counted_is_what_it_is_paid_for(path: Path) -> None:
    case = golden(path)
    vendor = VENDORS[case.provider]
    recorded = replace(vendor, speech=Recorded(vendor.speech, case.body))

    async with scene(recorded) as found:
        reply = await found.provider.ask(found.question)
        cost = PRICES.cost(found.provider, reply, case.at)

    usage, said = case.usage or Usage(), reply.usage or Usage()
    assert (said.input_tokens, said.output_tokens) == (usage.input_tokens, usage.output_tokens)
    assert (text(cost.usd) if cost.usd is not None else None) == case.cost_usd
