"""Records to events and events to records, with the headers that carry a story across steps."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

import msgspec

from schemas import headers as names
from schemas.codec import VALUE_BYTES_MAX, Undecodable, encode
from schemas.event import Derived, tag
from schemas.fields import EARLIEST, LATEST
from schemas.headers import cloud_event_headers
from streams.dead_letters import Rejected
from streams.identity import CAMERAS_REMEMBERED
from streams.lanes import Encoded
from streams.records import Output, Outputs, Received, Record
from streams.topics import Topic

W = TypeVar("W", bound=msgspec.Struct)

_CORRELATION_MAX = 200
_TRACEPARENT_MAX = 64
_EARLIEST_MS = int(EARLIEST.timestamp() * 1000)
_LATEST_MS = int(LATEST.timestamp() * 1000)


def received(
    topic: Topic[W], record: Record, siblings: frozenset[str] = frozenset()
) -> Received[W] | None:
    """The event of a record; None when a redrive means one of the topic's other readers.

    Any other step that a redrive may name is none of ours: the header came from outside, and nobody
    would work on the record if we didn't. Raises Rejected.
    """
    word = event(topic, record, siblings)
    if word is None:
        return None
    if not record.headers:
        return Received(word, offset=record.offset)
    headers = dict(record.headers)  # of a name that is there twice, the last one counts
    correlation_id, traceparent = headers.get(names.CORRELATION_ID), headers.get(names.TRACEPARENT)
    return Received(
        word,
        None if correlation_id is None else _text(correlation_id, _CORRELATION_MAX),
        None if traceparent is None else _text(traceparent, _TRACEPARENT_MAX),
        record.offset,
    )


def event(topic: Topic[W], record: Record, siblings: frozenset[str] = frozenset()) -> W | None:
    """As `received`, for who asks for nothing but the event. Raises Rejected."""
    if siblings and _means_another(record, siblings):
        return None
    try:
        return topic.codec.decode(record.value)
    except Undecodable as error:
        raise Rejected(error.reason, error.detail, error.field) from error


def _means_another(record: Record, siblings: frozenset[str]) -> bool:
    steps = (value for name, value in record.headers if name == names.REDRIVE_STEP)
    return any(step.decode("utf-8", "replace") in siblings for step in steps)


def recorded_at(record: Record) -> datetime:
    """When the log says the record was written; instead of an impossible time the nearest one."""
    milliseconds = record.timestamp_ms
    if not _EARLIEST_MS <= milliseconds <= _LATEST_MS:
        milliseconds = min(max(milliseconds, _EARLIEST_MS), _LATEST_MS)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def vetted(writes: tuple[Topic[msgspec.Struct], ...], answer: object) -> Outputs:
    """An agent's answer, when it is what the step may write. Raises Rejected for anything else."""
    if not isinstance(answer, tuple):
        raise Rejected("agent_failed", f"it returned {_kind(answer)}, not a tuple of outputs")
    for output in answer:
        if not isinstance(output, Output):
            raise Rejected("agent_failed", f"it returned {_kind(output)} among its outputs")
        if output.topic not in writes:
            text = f"it wrote to {getattr(output.topic, 'name', _kind(output.topic))}"
            raise Rejected("agent_failed", f"{text}, which is no topic of this step")
        if type(output.event) not in output.topic.words:
            text = f"{_kind(output.event)} is no word of {output.topic.name}"
            raise Rejected("agent_failed", text)
    return answer


def check(topic: Topic[W], output: Encoded) -> None:
    """Reads an output as whoever comes next will. Raises Rejected: nobody could read it."""
    try:
        topic.codec.decode(output.value)
    except Undecodable as error:
        text = f"its output for {topic.name} can't be read: {error}"
        raise Rejected("agent_failed", text[:1000], error.field) from error


def encoded(step: str, output: Output) -> Encoded:
    """An output as a record: keyed by camera, described by CloudEvents headers.

    Raises Rejected when it outgrew its input so far that no topic and no next step would take it.
    """
    event = output.event
    value = encode(event)
    if len(value) > VALUE_BYTES_MAX:
        word = tag(type(event))
        text = f"its {word} would have {len(value)} bytes, at most {VALUE_BYTES_MAX} travel"
        raise Rejected("too_large", text)
    type_, source = _said_by(step, type(event))
    headers = cloud_event_headers(
        id=event.id,
        type_=type_,
        source=source,
        time=event.timestamp,
        correlation_id=event.correlation_id,
        traceparent=output.traceparent,
    )
    return Encoded(output.topic.name, _key(event.camera_id), value, headers)


@lru_cache(maxsize=256)
def _said_by(step: str, word: type[Derived]) -> tuple[str, str]:
    """Type and source, as CloudEvents call them."""
    return tag(word), f"/vidette/{step}"


@lru_cache(maxsize=CAMERAS_REMEMBERED)
def _key(camera_id: UUID) -> bytes:
    return str(camera_id).encode()


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _text(value: bytes, length_max: int) -> str | None:
    """A header of somebody else's, if it is printable text of sane length."""
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= length_max and text.isprintable() else None
