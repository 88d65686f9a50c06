"""Dead letters: the raw bytes of what could not be processed, with from where and why in headers.

A letter is redriven by a record on the topic it came from, for the one step that wrote it, and a
marker beside the letter; both in one transaction. What is open is a fold of letters and markers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from schemas import headers as names
from schemas.codec import VALUE_BYTES_MAX, DecodeFailure
from streams.identity import dead_letter_id
from streams.lanes import Encoded
from streams.records import Partition, Record
from streams.topics import DEAD_LETTERS

Reason = (
    DecodeFailure
    | Literal[
        "agent_failed",  # the agent raised, again and again
        "time_limit",  # the agent did not finish in time, again and again
        "row_refused",  # the read model's database refuses the row
        "killed_worker",  # the worker's process died of it, again and again
        "blocked_worker",  # nothing else in the worker could go on, until its watchdog ended it
    ]
)

HEADERS_BYTES_MAX: Final = 32 * 1024
HEADERS_MAX: Final = 512
KEY_BYTES_MAX: Final = 32 * 1024
"""A letter must fit into its topic whatever came: headers or a key beyond these are left out."""


class Rejected(Exception):  # noqa: N818  # a verdict about one record, not a fault of the program
    """This record can't be processed; it becomes a dead letter."""

    def __init__(self, reason: Reason, detail: str, field: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


def too_large(record: Record) -> bool:
    """Whether the value must go to the media store instead of into the letter."""
    return record.value is not None and len(record.value) > VALUE_BYTES_MAX


def letter(step: str, record: Record, why: Rejected, blob_sha256: str | None = None) -> Encoded:
    """The letter about a record; with `blob_sha256` its value lies in the media store under it."""
    topic, partition = record.partition
    offset, timestamp_ms = record.offset, record.timestamp_ms
    kept, left_out = original_headers(record)
    key = record.key
    if key is not None and len(key) > KEY_BYTES_MAX:
        left_out = f"{left_out}; its key of {len(key)} bytes is left out"
        key = None
    about = {
        names.LETTER_ID: str(dead_letter_id(step, topic, partition, offset, timestamp_ms)),
        names.STEP: step,
        names.REASON: why.reason,
        names.DETAIL: why.detail[: 2000 - len(left_out)] + left_out,
        names.FIELD: why.field,
        names.TOPIC: topic,
        names.PARTITION: str(partition),
        names.OFFSET: str(offset),
        names.TIMESTAMP: str(timestamp_ms),
        names.BLOB_SHA256: blob_sha256 or "",
    }
    ours = [(name, text.encode("utf-8", "replace")) for name, text in about.items() if text]
    value = None if blob_sha256 else record.value
    return Encoded(DEAD_LETTERS.name, key, value, [*ours, *kept])


def reason_of(letter: Encoded) -> str:
    """Why the letter was written."""
    reasons = (value.decode() for name, value in letter.headers if name == names.REASON)
    return next(reasons, "")


def original_headers(record: Record) -> tuple[list[tuple[str, bytes]], str]:
    """The original headers, for a redrive; ours of earlier rounds left out, and what else is."""
    missing = f"; {record.missing} are left out" if record.missing else ""
    kept = [(k, v) for k, v in record.headers if not k.startswith(names.PREFIX)]
    if len(kept) > HEADERS_MAX:
        return [], f"{missing}; its {len(kept)} headers are left out"
    size = sum(len(k.encode()) + len(v) for k, v in kept)
    if size <= HEADERS_BYTES_MAX:
        return kept, missing
    return [], f"{missing}; its headers of {size} bytes are left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A letter without its value, which lies in the dead letters' topic at `place` and `offset`."""

    id: UUID
    place: Partition
    offset: int
    written_at: datetime
    step: str
    reason: str
    detail: str
    field: str
    source: Partition
    source_offset: int
    blob_sha256: str | None = None
    redriven: bool = False


def fold(records: Iterable[Record]) -> tuple[DeadLetter, ...]:
    """All letters, oldest first. A letter that was written twice is one, in whatever order."""
    letters: dict[UUID, DeadLetter] = {}
    redriven: set[UUID] = set()
    for record in records:
        marked = _uuid(record.header(names.REDRIVEN))
        if marked:
            redriven.add(marked)
            continue
        found = _read(record)
        if found and (found.id not in letters or _age(found) < _age(letters[found.id])):
            letters[found.id] = found
    marked_letters = (replace(one, redriven=one.id in redriven) for one in letters.values())
    return tuple(sorted(marked_letters, key=_age))


def _age(letter: DeadLetter) -> tuple[datetime, Partition, int]:
    return letter.written_at, letter.place, letter.offset


def _read(record: Record) -> DeadLetter | None:
    """The letter that a record is; None for what somebody else has put into the topic."""
    about: Mapping[str, str] = {
        name: value.decode("utf-8", "replace")
        for name, value in reversed(record.headers)
        if name.startswith(names.PREFIX)
    }
    id_ = _uuid(about.get(names.LETTER_ID))
    try:
        source = Partition(about[names.TOPIC], int(about[names.PARTITION]))
        offset, step, reason = int(about[names.OFFSET]), about[names.STEP], about[names.REASON]
    except (KeyError, ValueError):
        return None
    if id_ is None:
        return None
    return DeadLetter(
        id=id_,
        place=record.partition,
        offset=record.offset,
        written_at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
        step=step,
        reason=reason,
        detail=about.get(names.DETAIL, ""),
        field=about.get(names.FIELD, ""),
        source=source,
        source_offset=offset,
        blob_sha256=about.get(names.BLOB_SHA256),
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
