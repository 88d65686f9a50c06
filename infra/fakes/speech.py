"""What a vendor's wire looks like from the server's side, and what all of them have in common."""

import binascii
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import msgspec

from infra.fakes.modes import Ending, Mode, Seen, Unreadable
from schemas.attempts import Usage
from streams.providers import answers

Body = dict[str, object]

PICTURE_TOKENS: Final = 85
CHARACTERS_PER_TOKEN: Final = 4
REASONING_TOKENS: Final = 7
CACHED_TOKENS: Final = 16
CACHE_WRITE_TOKENS: Final = 8

_JPEG_BEGINS: Final = b"\xff\xd8\xff"
_JPEG_ENDS: Final = b"\xff\xd9"
_DATA_URL: Final = re.compile(r"data:image/jpeg;base64,(.*)", re.DOTALL)


class Speech(Protocol):
    """One vendor's wire format."""

    @property
    def vendor(self) -> str:
        """Whom it imitates."""
        ...

    @property
    def route(self) -> str:
        """The path it answers at, as a pattern."""
        ...

    def key(self, headers: Mapping[str, str]) -> str | None:
        """The key that came with a request."""
        ...

    def seen(self, path: Mapping[str, str], body: Mapping[str, object]) -> Seen:
        """What it asks. Raises Unreadable, and whatever a lookup in a wrong shape raises."""
        ...

    def usage(self, seen: Seen, text: str) -> Usage:
        """What it costs: the same for the same request, in the meaning of the log."""
        ...

    def answer(self, seen: Seen, ending: Ending, usage: Usage | None) -> Body:
        """A 200."""
        ...

    def error(self, mode: Mode, status: int, text: str) -> Body:
        """Any other status."""
        ...


def described(vendor: str, seen: Seen) -> str:
    """The one answer of a simulated vendor: it says that it is simulated."""
    said = {
        "judgeable": True,
        "description": f"Simulated answer of {vendor}: {len(seen.pictures)} pictures were seen.",
        "labels": ["simulated"],
        "confidence": 0.5,
    }
    return msgspec.json.encode(said).decode()


def input_tokens(seen: Seen) -> int:
    """What the prompt costs."""
    words = len(seen.text) // CHARACTERS_PER_TOKEN
    return CACHED_TOKENS + CACHE_WRITE_TOKENS + words + PICTURE_TOKENS * len(seen.pictures)


def output_tokens(text: str) -> int:
    """What the answer costs, reasoning apart."""
    return 1 + len(text) // CHARACTERS_PER_TOKEN


def picture(text: object) -> bytes:
    """A JPEG out of base64, in either alphabet. Raises Unreadable."""
    if not isinstance(text, str):
        raise Unreadable("a picture is no text")
    decode = urlsafe_b64decode if {"-", "_"} & set(text) else b64decode
    try:
        found = decode(text)
    except (binascii.Error, ValueError):
        raise Unreadable("a picture is no base64") from None
    if not (found.startswith(_JPEG_BEGINS) and found.endswith(_JPEG_ENDS)):
        raise Unreadable("a picture is no JPEG")
    return found


def picture_of_url(url: object) -> bytes:
    """A JPEG out of a data URL. Raises Unreadable."""
    match = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise Unreadable("a picture is no data URL of a JPEG")
    return picture(match[1])


def check_schema(schema: object) -> None:
    """Refuses a request without the schema of an answer. Raises Unreadable."""
    if schema != answers.SCHEMA:
        raise Unreadable("the schema of the answer is missing, or another one")


def mapping(value: object) -> Mapping[str, object]:
    """An object of the request. Raises Unreadable."""
    if not isinstance(value, dict):
        text = f"an object was expected: {value!r:.80}"
        raise Unreadable(text)
    return value


def listed(value: object) -> Iterator[Mapping[str, object]]:
    """The objects of a list of the request. Raises Unreadable."""
    if not isinstance(value, list):
        text = f"a list was expected: {value!r:.80}"
        raise Unreadable(text)
    return map(mapping, value)


def whole(value: object) -> int:
    """A positive whole number of the request. Raises Unreadable."""
    if not isinstance(value, int) or value <= 0:
        text = f"a positive number was expected: {value!r:.80}"
        raise Unreadable(text)
    return value
