"""Older versions of words, which stay on the log for ever, read as the words of today.

A word's tag is its version. A change that breaks readers or writers takes a new tag, and the old
tag takes a row here: a function from the old document to one that a word of today, or a later row,
can read. Only a tag that the decoder does not know leads here, so words of today pay nothing. The
rules are in docs/upgrades.md.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

Document = dict[str, object]
"""A word as plain JSON, with its tag in `type`."""

Upcast = Callable[[Document], Document]

UPCASTS: Final[Mapping[str, Upcast]] = {}
"""By old tag. A row is never changed and never removed: the log is kept."""

_UNKNOWN_TAG: Final = re.compile(
    r"^Invalid value '(?P<tag>.*)' - at `\$\.?(?P<path>[\w.\[\]]*?)\.?type`$", re.DOTALL
)
"""What msgspec says of a tag that no word of a union has."""


def unknown_tag(message: str) -> str | None:
    """The tag that a message of the decoder says it does not know, if it speaks of one."""
    found = _UNKNOWN_TAG.match(message)
    return found["tag"] if found else None


def upcast(value: bytes, message: str, upcasts: Mapping[str, Upcast]) -> bytes | None:
    """The value with the word that `message` does not know one version newer.

    None when no row is for it. Raises whatever a row raises about a document that it can't read.
    """
    found = _UNKNOWN_TAG.match(message)
    if found is None or found["tag"] not in upcasts:
        return None
    document = msgspec.json.decode(value)
    newer = _replaced(document, found["path"].split(".") if found["path"] else [], upcasts)
    return msgspec.json.encode(newer)


def _replaced(node: Document, path: list[str], upcasts: Mapping[str, Upcast]) -> Document:
    """The document with what lies at the path replaced; words lie in fields, never in lists."""
    if not path:
        return upcasts[str(node["type"])](node)
    name, *rest = path
    inner = node[name]
    assert isinstance(inner, dict)  # noqa: S101  # the decoder was inside of it
    return node | {name: _replaced(inner, rest, upcasts)}
