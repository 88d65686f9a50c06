"""Bytes to words and back, at one door: whatever is wrong with the bytes is one `Undecodable`."""

import re
from typing import Generic, Literal, TypeVar

import msgspec

W = TypeVar("W", bound=msgspec.Struct)

DecodeFailure = Literal["empty", "too_large", "nul_character", "malformed", "too_deep", "invalid"]

VALUE_BYTES_MAX = 512 * 1024
"""A larger value is no event: media never travel through Kafka."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FIELD = re.compile(r"at `\$\.?(?P<field>[^`]*)`")
_encoder = msgspec.json.Encoder()


class Undecodable(ValueError):
    """These bytes are not one of the words asked for.

    `field` is the path of the field at fault, where the decoder knows it.
    """

    def __init__(self, reason: DecodeFailure, detail: str, field: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


class Codec(Generic[W]):
    """Decodes any of `words` by their `type` tag. Not thread-safe in construction, safe in use."""

    def __init__(self, *words: type[W]) -> None:
        self.words: tuple[type[W], ...] = words
        union = words[0]
        for word in words[1:]:
            union = union | word  # type: ignore[assignment]  # a union type, built at run time
        self._decoder: msgspec.json.Decoder[W] = msgspec.json.Decoder(union)

    def decode(self, value: bytes | None) -> W:
        """Raises Undecodable, and nothing else, whatever the bytes are."""
        if not value:
            raise Undecodable("empty", "a value of 0 bytes is no event; publish one JSON object")
        if len(value) > VALUE_BYTES_MAX:
            text = f"{len(value)} bytes; at most {VALUE_BYTES_MAX} are taken: send references, not media"
            raise Undecodable("too_large", text)
        if b"\\u0000" in value and _NUL.search(value):
            raise Undecodable("nul_character", "\\u0000 can't be stored as text; leave it out")
        try:
            return self._decoder.decode(value)
        except msgspec.ValidationError as error:
            found = _FIELD.search(str(error))
            field = found["field"] if found else ""
            raise Undecodable("invalid", str(error)[:1000], field) from error
        except msgspec.DecodeError as error:
            raise Undecodable("malformed", str(error)[:1000]) from error
        except RecursionError as error:
            raise Undecodable("too_deep", "nested too deeply to be an event") from error
        except UnicodeDecodeError as error:
            raise Undecodable("malformed", f"not UTF-8 at byte {error.start}") from error


def encode(word: msgspec.Struct) -> bytes:
    """One line of JSON, fields in the order of the word."""
    return _encoder.encode(word)
