"""Prices against bodies as the vendors document them; every cost is reckoned by hand beside it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.spending import price_file
from schemas.attempts import Answer, ProviderAttempted, Usage
from streams.providers.ports import AT_HOME, ProviderError, Reply
from streams.providers.prices import Price, text
from tests.agents.spending import Named

GOLDEN: Final = tuple(sorted((Path(__file__).parent / "golden").glob("*.json")))
PRICES: Final = price_file.read()
NOW: Final = datetime(2026, 11, 25, 8, tzinfo=UTC)
LUNA: Final = PRICES.price("openai", "gpt-6-luna", NOW)


class Golden(msgspec.Struct):
    provider: str
    wire: str
    at: datetime
    body: dict[str, object]
    usage: Usage | None
    reckoned: str
    cost_usd: str | None


def golden(path: Path) -> Golden:
    return msgspec.json.decode(path.read_bytes(), type=Golden)


def reply(usage: Usage | None, model: str = "gpt-6-luna") -> Reply:
    return Reply(Answer(description="A cat."), model, usage)


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_what_a_vendor_counts_costs_what_is_reckoned_by_hand(path: Path) -> None:
    case = golden(path)
    model = str(case.body.get("model") or case.body["modelVersion"])

    cost = PRICES.cost(Named(case.provider, model), reply(case.usage, model), case.at)

    assert (text(cost.usd) if cost.usd is not None else None) == case.cost_usd


def test_an_unknown_model_has_an_unknown_cost_and_names_the_table_that_did_not_know() -> None:
    cost = PRICES.cost(Named(), reply(Usage(input_tokens=1, output_tokens=1), "gpt-99"), NOW)

    assert (cost.usd, cost.version) == (None, PRICES.version)


def test_another_adapter_for_the_same_vendor_costs_the_same() -> None:
    flash = PRICES.price("gemini", "gemini-2.5-flash", NOW)

    assert PRICES.price("gemini_legacy", "gemini-2.5-flash", NOW) == flash


def test_what_never_leaves_the_site_costs_nothing_and_says_so() -> None:
    cost = PRICES.cost(Named("ollama", "llava", AT_HOME), reply(None, "llava"), NOW)

    assert (cost.usd, cost.version) == (Decimal(0), "local")


def test_a_truncated_answer_is_paid_for() -> None:
    cut = ProviderError("truncated", "cut", usage=Usage(input_tokens=1000, output_tokens=1000))

    assert PRICES.cost(Named(), cut, NOW).usd == Decimal("0.0006")


def test_a_call_that_nobody_counted_has_an_unknown_cost() -> None:
    assert PRICES.cost(Named(), ProviderError("timeout", "late"), NOW).usd is None


def test_before_its_first_day_a_price_is_unknown() -> None:
    assert PRICES.price("openai", "gpt-6-luna", datetime(2020, 1, 1, tzinfo=UTC)) is None


def test_a_count_that_contradicts_itself_has_an_unknown_cost() -> None:
    assert LUNA is not None
    assert LUNA.cost(Usage(input_tokens=5, output_tokens=1, cached_tokens=6)) is None


def test_a_kind_of_token_without_a_price_makes_the_cost_unknown() -> None:
    assert LUNA is not None
    unpriced = replace(LUNA, cached=None)

    assert unpriced.cost(Usage(input_tokens=5, output_tokens=1, cached_tokens=1)) is None


def test_the_version_of_the_table_changes_with_any_byte_of_it(tmp_path: Path) -> None:
    changed = tmp_path / "prices.json"
    changed.write_bytes(price_file.PRICES.read_bytes() + b"\n")

    assert price_file.read(changed).version != PRICES.version


def test_a_price_that_could_not_be_kept_exactly_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "prices.json"
    changed.write_text(price_file.PRICES.read_text("utf-8").replace('"0.10"', '"0.1000001"'))

    with pytest.raises(msgspec.ValidationError):
        price_file.read(changed)


@given(
    price=st.sampled_from(PRICES.prices),
    whole=st.integers(0, 10**7),
    out=st.integers(0, 10**6),
    shares=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
)
def test_no_call_costs_more_than_its_tokens_can_cost(
    price: Price, whole: int, out: int, shares: tuple[float, float]
) -> None:
    cached, written = (int(share * whole) for share in shares)
    usage = Usage(
        input_tokens=whole, output_tokens=out, cached_tokens=cached, cache_write_tokens=written
    )

    cost = price.cost(usage)

    assert cost is None or cost <= price.cost_max(whole, out)


@given(price=st.sampled_from(PRICES.prices), whole=st.integers(0, 10**7))
def test_every_cost_can_be_written_into_the_log(price: Price, whole: int) -> None:
    cost = price.cost(Usage(input_tokens=whole, output_tokens=whole))
    assert cost is not None

    field = next(f for f in msgspec.structs.fields(ProviderAttempted) if f.name == "cost_usd")
    assert Decimal(msgspec.convert(text(cost), field.type)) == cost
