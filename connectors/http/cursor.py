"""Cursors of pages: a place in the order of rows, packed so that nobody builds one by hand."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from struct import Struct
from struct import error as StructError  # noqa: N812  # a class, whatever its name looks like
from typing import Final
from uuid import UUID

from connectors.http.errors import Refused
from streams.queries import Place

_LAYOUT: Final = Struct(">q16s")
"""Microseconds since 1970, then the id."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def cursor(place: Place) -> str:
    """The text that leads to what comes after `place`."""
    packed = _LAYOUT.pack((place.timestamp - _EPOCH) // _MICROSECOND, place.id.bytes)
    return urlsafe_b64encode(packed).decode()


def place(text: str) -> Place:
    """The inverse of `cursor`. Raises Refused for anything else."""
    try:
        microseconds, id_ = _LAYOUT.unpack(urlsafe_b64decode(text.encode("ascii")))
        found = Place(_EPOCH + microseconds * _MICROSECOND, UUID(bytes=id_))
    except (ValueError, OverflowError, StructError) as error:
        raise Refused(422, "not a cursor that this API gave", field="cursor") from error
    if cursor(found) != text:
        raise Refused(422, "not a cursor that this API gave", field="cursor")
    return found
