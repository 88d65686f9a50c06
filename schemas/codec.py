"""Bytes to words and back, at one door: whatever is wrong with the bytes is one `Undecodable`."""

import re
from collections.abc import Mapping
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from schemas.upcasts import UPCASTS, Upcast, unknown_tag, upcast

W_co = TypeVar("W_co", bound=msgspec.Struct, covariant=True)

DecodeFailure = Literal[
    "empty",
    "too_large",
    "nul_character",
    "malformed",
    "too_deep",
    "unknown_type",  # of a later version, or of another topic
    "invalid",
]

EVENT_BYTES_MAX = 256 * 1024
"""What upstream may send in one event, so that the words which carry it inside fit as well."""

VALUE_BYTES_MAX = 512 * 1024
"""A larger value is no event: media never travel through Kafka."""

_BACKSLASH = ord("\\")
"""A byte is found in a thirtieth of the time of several, and most events have none."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_PATH = re.compile(r"at `\$\.?(?P<path>[^`]*)`")
_NAMED = re.compile(r"Object missing required field `(?P<missing>\w+)`|(?P<broken>[a-z_]+) must ")
_encoder = msgspec.json.Encoder()


class Undecodable(ValueError):  # noqa: N818  # says what is wrong with the bytes, not with us
    """These bytes are not one of the words asked for.

    `field` is the path of the field at fault, where the decoder knows it.
    """

    def __init__(self, reason: DecodeFailure, detail: str, field: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


class _NoWord(msgspec.Struct, tag_field="type", tag=""):
    """Makes each codec one of several words: of a single one msgspec would not demand `type`."""

    type_of_a_word: Annotated[int, msgspec.Meta(gt=0, lt=1)]


class Codec(Generic[W_co]):
    """Decodes any of `words` by their `type` tag, and older ones that `upcasts` makes into them.

    Not thread-safe in construction, safe in use.
    """

    def __init__(
        self,
        *words: type[W_co],
        bytes_max: int = VALUE_BYTES_MAX,
        upcasts: Mapping[str, Upcast] = UPCASTS,
    ) -> None:
        self.words: tuple[type[W_co], ...] = words
        self.bytes_max = bytes_max
        self._upcasts = upcasts
        union = words[0] | _NoWord
        for word in words[1:]:
            union = union | word  # a union type, built at run time
        self._decoder: msgspec.json.Decoder[W_co] = msgspec.json.Decoder(union)

    def decode(self, value: bytes | None) -> W_co:
        """Raises Undecodable, and nothing else, whatever the bytes are."""
        if not value:
            raise Undecodable("empty", "a value of 0 bytes is no event; publish one JSON object")
        if len(value) > self.bytes_max:
            text = f"{len(value)} bytes, at most {self.bytes_max} are taken: references, not media"
            raise Undecodable("too_large", text)
        if _BACKSLASH in value and b"\\u0000" in value and _NUL.search(value):
            raise Undecodable("nul_character", "\\u0000 can't be stored as text; leave it out")
        return self._read(value)

    def _read(self, value: bytes) -> W_co:
        try:
            return self._decoder.decode(value)
        except msgspec.ValidationError as error:
            text = str(error)
            if (newer := self._newer(value, text)) is not None:
                return self._read(newer)
            reason: DecodeFailure = "invalid" if unknown_tag(text) is None else "unknown_type"
            raise Undecodable(reason, text[:1000], _field(text)) from error
        except msgspec.DecodeError as error:
            raise Undecodable("malformed", str(error)[:1000]) from error
        except RecursionError as error:
            raise Undecodable("too_deep", "nested too deeply to be an event") from error
        except UnicodeDecodeError as error:
            raise Undecodable("malformed", "a text in it is not UTF-8") from error

    def _newer(self, value: bytes, message: str) -> bytes | None:
        try:
            return upcast(value, message, self._upcasts)
        except Exception as error:  # whatever an old word lacks is this word's trouble
            text = f"older than today's words, and not to be read as one: {error!r}"
            raise Undecodable("invalid", text[:1000]) from error


def _field(message: str) -> str:
    """The path that a message of msgspec or of a word's own check speaks of; empty: the whole."""
    found, named = _PATH.search(message), _NAMED.match(message)
    path = found["path"] if found else ""
    name = (named["missing"] or named["broken"]) if named else ""
    return f"{path}.{name}" if path and name else path or name


def encode(word: msgspec.Struct) -> bytes:
    """One line of JSON, fields in the order of the word."""
    return _encoder.encode(word)
