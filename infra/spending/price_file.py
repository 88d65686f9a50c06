"""Reads the table of prices: a file, so that a price changes by one line and no code.

It lies here and not among the words: nothing of it travels, and only who assembles reads files.
"""

from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import msgspec

from streams.providers.prices import LongPrompt, Price, PriceList

PRICES: Final = Path(__file__).resolve().parent / "prices.json"

Money = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,4})?$(?!\n)")]
Factor = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?$(?!\n)")]
"""Four decimals, six of a million tokens, two of a factor: the twelve that a cost may have."""
Tokens = Annotated[int, msgspec.Meta(gt=0)]


class _Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    above_tokens: Tokens
    input_factor: Factor
    output_factor: Factor


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: str
    model: str
    effective_from: date
    input: Money
    output: Money
    source: str
    cached: Money | None = None
    cache_write: Money | None = None
    long_prompt: _Tier | None = None
    frame_tokens_max: Tokens | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: date
    currency: str
    note: str
    same_as: dict[str, str]
    prices: tuple[_Row, ...]


def read(path: Path = PRICES) -> PriceList:
    """The table; its version is its date and the hash of its bytes.

    Raises OSError, and msgspec.ValidationError for a file that says what none may say.
    """
    written = path.read_bytes()
    file = msgspec.json.decode(written, type=_File)
    version = f"{file.as_of.isoformat()}-{sha256(written).hexdigest()[:8]}"
    return PriceList(version, tuple(map(_price, file.prices)), file.same_as)


def _price(row: _Row) -> Price:
    tier = row.long_prompt
    return Price(
        provider=row.provider,
        model=row.model,
        effective_from=row.effective_from,
        input=Decimal(row.input),
        output=Decimal(row.output),
        cached=_money(row.cached),
        cache_write=_money(row.cache_write),
        long_prompt=LongPrompt(
            tier.above_tokens, Decimal(tier.input_factor), Decimal(tier.output_factor)
        )
        if tier
        else None,
        frame_tokens_max=row.frame_tokens_max,
        source=row.source,
    )


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
