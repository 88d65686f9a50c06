"""Deterministic, time-ordered ids: the same fact has the same id everywhere and for ever.

Layout is UUIDv8 (RFC 9562, 5.8): 48 bits of event time in milliseconds since 1970, then the first
74 bits of a SHA-256 over the natural key. Rows sorted by id are sorted by event time, which keeps
b-trees warm, and a repeat of the same fact meets its own primary key.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID, SafeUUID

import msgspec

from schemas.camera_events import CameraEvent
from schemas.event import check_time
from schemas.inferences import InferenceResult

CAMERAS_REMEMBERED: Final = 1 << 14
"""Cameras whose id, or key, is not computed anew for every event."""

_CANONICAL: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_new, _set, _UNKNOWN = object.__new__, object.__setattr__, SafeUUID.unknown
_json: Final = msgspec.json.Encoder().encode
_VERSION: Final = 0x8 << 76
_VARIANT: Final = 0x2 << 62


def time_ordered(moment: datetime, *natural_key: str) -> UUID:
    """The id of the fact that `natural_key` names, at `moment`, to the millisecond."""
    return _uuid8((moment - _EPOCH) // _MILLISECOND, "\x00".join(natural_key))


def instant(moment: datetime) -> datetime:
    """As exact as an id is: the same event published in another precision is the same event.

    Everything concluded from an event carries this time; else one id could have two rows.
    """
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    excess_us = moment.microsecond % 1000
    return moment - timedelta(microseconds=excess_us) if excess_us else moment


def text(id_: UUID) -> str:
    """`str` of it, in half the time."""
    return _json(id_)[1:-1].decode()


def _uuid8(milliseconds: int, name: str) -> UUID:
    digest = int.from_bytes(sha256(name.encode()).digest()[:10], "big")
    high, low = digest >> 68, digest & ((1 << 62) - 1)
    return _uuid(milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low)


def _uuid(number: int) -> UUID:
    """`UUID(int=number)` in a third of its time: it need not look which of six arguments came."""
    made = _new(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made


@lru_cache(maxsize=CAMERAS_REMEMBERED)
def camera_id(source: str, native: str) -> UUID:
    """A camera's own UUID if it has one, else one derived from who speaks of it and how."""
    if _CANONICAL.fullmatch(native):
        return UUID(native)
    return _named("camera", source, native)


@lru_cache(maxsize=CAMERAS_REMEMBERED)
def _spelt(native: str) -> str:
    """A camera's name as ids have it: a UUID is the same in capitals."""
    return native.lower() if _CANONICAL.fullmatch(native) else native


def event_id(event: CameraEvent) -> UUID:
    """Of a camera event: a second publication of it has the same one.

    Its type is no part of it: what a camera first takes for movement and then for a person is one.
    """
    native = (event.source, _spelt(event.camera_id), event.event_id)
    return time_ordered(event.timestamp, "event", *native)


def inference_id(result: InferenceResult) -> UUID:
    """Of an inference result: a second publication of it has the same one."""
    native = (result.source, _spelt(result.camera_id), result.model_id, result.result_id)
    return time_ordered(result.timestamp, "inference", *native)


def moment(id_: UUID) -> datetime:
    """When what a time-ordered id names happened. Raises ValueError when that can't be."""
    try:
        found = _EPOCH + _MILLISECOND * (id_.int >> 80)
    except OverflowError as error:
        text = f"{id_} has no time in it"
        raise ValueError(text) from error
    check_time("the time in it", found)
    return found


def follows(cause: UUID, *what: str) -> UUID:
    """Of what was concluded from `cause`: keeps its event time, so it sorts beside it."""
    return _uuid8(cause.int >> 80, "\x00".join((str(cause), *what)))


def outcome_id(input_id: UUID) -> UUID:
    """Of the one outcome of a camera event (its first revision)."""
    return follows(input_id, "outcome")


def dead_letter_id(step: str, topic: str, partition: int, offset: int, timestamp_ms: int) -> UUID:
    """Of the one dead letter that a step may write about one record.

    Its time tells it from what lay at that place before the topic was made anew.
    """
    return _named("dead-letter", step, topic, str(partition), str(offset), str(timestamp_ms))


def _named(*name: str) -> UUID:
    """An id without a time: version 8 over all bits that are free."""
    bits = int.from_bytes(sha256("\x00".join(name).encode()).digest()[:16], "big")
    return UUID(int=bits & ~(0xF << 76 | 0x3 << 62) | _VERSION | _VARIANT)
