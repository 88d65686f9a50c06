"""Dead letters: raw bytes of what could not be processed, from where and why in headers."""

from typing import Final, Literal

from schemas import headers as names
from schemas.codec import VALUE_BYTES_MAX, DecodeFailure
from streams.identity import dead_letter_id
from streams.lanes import Encoded
from streams.records import Record
from streams.topics import DEAD_LETTERS

Reason = (
    DecodeFailure
    | Literal[
        "agent_failed",  # the agent raised, again and again
        "time_limit",  # the agent did not finish in time, again and again
        "row_refused",  # the read model's database refuses the row
    ]
)

HEADERS_BYTES_MAX: Final = 32 * 1024
"""Original headers beyond this are left out; the letter says so in its detail."""


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
    about = {
        names.LETTER_ID: str(dead_letter_id(step, topic, partition, record.offset)),
        names.STEP: step,
        names.REASON: why.reason,
        names.DETAIL: why.detail[:2000],
        names.FIELD: why.field,
        names.TOPIC: topic,
        names.PARTITION: str(partition),
        names.OFFSET: str(record.offset),
        names.TIMESTAMP: str(record.timestamp_ms),
        names.BLOB_SHA256: blob_sha256 or "",
    }
    ours = [(name, text.encode("utf-8", "replace")) for name, text in about.items() if text]
    return Encoded(
        DEAD_LETTERS.name,
        record.key,
        None if blob_sha256 else record.value,
        [*ours, *_kept(record)],
    )


def _kept(record: Record) -> list[tuple[str, bytes]]:
    """The original headers, so that a redrive can give them back.

    Ours of earlier rounds left out.
    """
    kept = [(k, v) for k, v in record.headers if not k.startswith(names.PREFIX)]
    size = sum(len(k) + len(v) for k, v in kept)
    return kept if size <= HEADERS_BYTES_MAX else []
