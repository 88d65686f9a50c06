"""The answer that every provider is asked for: its schema, and how it is read.

A model that can't tell says so in a field of its own: what it says then is no description.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from schemas.attempts import Answer
from schemas.fields import Description, Label, Share
from streams.providers.ports import ProviderError

NAME: Final = "answer"
"""What the schema is called where a vendor wants a name."""

SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {
        "judgeable": {
            "type": "boolean",
            "description": "false when the pictures can't be judged: black, unreadable, withheld",
        },
        "description": {
            "type": "string",
            "description": "what happens, in plain sentences; when not judgeable, why",
        },
        "labels": {
            "type": "array",
            "items": {"type": "string"},
            "description": "what is in the pictures, one lower-case noun each: person, vehicle",
        },
        "confidence": {
            "anyOf": [{"type": "number"}, {"type": "null"}],
            "description": "0 to 1, how sure the description is; null when that can't be said",
        },
    },
    "required": ["judgeable", "description", "labels", "confidence"],
    "additionalProperties": False,
}
"""As strict as all vendors allow. Some refuse bounds in a schema: `parsed` holds them."""

_QUOTED_MAX: Final = 200
_FENCED: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_APOLOGY: Final = re.compile(
    r"\A\W*(?:(?:i'?m|i am|we'?re) (?:\w+ )?(?:sorry|unable|not able)\b|sorry\b|apologies\b"
    r"|i apologi[sz]e|as an ai\b"
    r"|(?:unfortunately,? )?i (?:can'?t|cannot|can not|couldn'?t|won'?t|will not|must decline)\b)",
    re.IGNORECASE,
)
"""How refusals begin; a description speaks of the picture and never of its author."""


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    judgeable: bool
    description: Description
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=32)]
    confidence: Share | None


def parsed(text: str) -> Answer:
    """What a provider wrote, as an answer.

    Raises ProviderError: `blocked` when it says that it can't tell or does not want to,
    `malformed` when it is not what the schema asks for.
    """
    fenced = _FENCED.match(text)
    plain = fenced[1] if fenced else text
    if apology(plain):
        raise ProviderError("blocked", f"it refused: {_quoted(plain)}")
    try:
        said = msgspec.json.decode(plain.encode("utf-8", "replace"), type=_Said)
    except (msgspec.DecodeError, RecursionError) as error:
        detail = f"not the answer that was asked for ({error}): {_quoted(plain)}"
        raise ProviderError("malformed", detail) from None
    description = said.description.strip()
    if not said.judgeable:
        raise ProviderError("blocked", f"it can't judge the pictures: {_quoted(description)}")
    if apology(description):
        raise ProviderError("blocked", f"it refused: {_quoted(description)}")
    if not description or "\0" in description or any("\0" in label for label in said.labels):
        raise ProviderError("malformed", "its description is empty or holds a NUL")
    return Answer(description=description, labels=said.labels, confidence=said.confidence)


def apology(text: str) -> bool:
    """Whether this speaks of its author's limits in place of the picture."""
    return _APOLOGY.match(text.replace("\u2019", "'")) is not None


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTED_MAX else f"{text[:_QUOTED_MAX]}…")
