"""What every word shares: frozen, tagged by `type`, unknown fields ignored.

`Event` is a fact in the past tense. Words that Vidette itself writes are `Written`; most of them
are `Derived`: they have a deterministic id, the camera and the correlation id of their story.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from schemas.fields import EARLIEST, LATEST, CorrelationId, Timestamp


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False, gc=False):
    """A part of a word: frozen, compared by value, no tag of its own."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """Something that happened; never changed, never withdrawn."""


class Written(Event, frozen=True, kw_only=True):
    """What Vidette itself writes: who reads it must expect that a later version says more."""


class Derived(Written, frozen=True, kw_only=True):
    """What Vidette concluded from another event; `id` is the same however often it is concluded."""

    id: UUID
    camera_id: UUID
    timestamp: Timestamp
    correlation_id: CorrelationId


def tag(word: type[msgspec.Struct]) -> str:
    """What a word writes into its field `type`. Raises TypeError for a part of a word."""
    found = word.__struct_config__.tag
    if not isinstance(found, str):
        text = f"{word.__name__} is no word: it has no tag"
        raise TypeError(text)
    return found


def check_time(field: str, moment: datetime | None) -> None:
    """Refuses instants that no camera of this century can mean.

    Raises ValueError (msgspec turns it into a ValidationError that names the word).
    """
    if moment is not None and not EARLIEST <= moment < LATEST:
        text = f"{field} must lie in the years 2000 to 2099; got {moment.isoformat()}"
        raise ValueError(text)
