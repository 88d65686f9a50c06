"""The offset window: which records of a partition are finished, when they finish out of order.

Committed progress is the finished prefix, plus a bitmap of what is finished beyond it, carried in
the commit's metadata (Kafka takes 4,095 ASCII characters). After a crash only what is neither is
asked again. The metadata names its format, the topic's id and the base offset; when any of them
does not match what is read, the bitmap is ignored: at worst work is repeated, never skipped.
"""

import binascii
from base64 import b64decode, b64encode
from typing import Final

from streams.lanes import Progress

SPAN_MAX: Final = 16_384
"""Offsets from the first unfinished to the last delivered; beyond it the partition pauses."""

_FORMAT: Final = "1"


class Window:
    """One partition under one lease; offsets are delivered in order and finish in any."""

    def __init__(self, start: Progress, topic_id: str) -> None:
        self._topic_id = topic_id
        self._committed = start
        self._next = start.offset
        self._open: dict[int, None] = {}
        self._beyond: set[int] = _restored(start, topic_id)

    @property
    def span(self) -> int:
        """Offsets between the first unfinished record and the last delivered one."""
        return self._next - self._base(frozenset())

    def begin(self, offset: int) -> bool:
        """A record was delivered; False when it is finished already and needs no work."""
        if offset < self._next:
            return False  # Delivered before: under way, or finished.
        self._next = offset + 1
        if offset in self._beyond:
            return False
        self._open[offset] = None
        return True

    def reach(self, end: int) -> None:
        """The partition was read to `end`; what never came below it are transaction markers."""
        self._next = max(self._next, end)

    def told(self, finished: frozenset[int]) -> frozenset[int]:
        """Those of the finished offsets that a transaction's progress can tell of.

        The others are beyond the bitmap and must wait until the base moves. Outputs whose progress
        says nothing of them could not be looked for after a transaction with an unclear end.
        """
        last = self._base(finished) + SPAN_MAX
        return frozenset(offset for offset in finished if offset < last)

    def progress(self, finished: frozenset[int]) -> Progress:
        """What a transaction says that finishes these offsets."""
        base = self._base(finished)
        last = base + SPAN_MAX  # beyond it the bitmap would not fit, see `told`
        beyond = [offset for offset in (*self._beyond, *finished) if base <= offset < last]
        if not beyond:
            return Progress(base)
        bits = 0
        for offset in beyond:
            bits |= 1 << (offset - base)
        packed = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        return Progress(base, f"{_FORMAT}:{self._topic_id}:{base}:{b64encode(packed).decode()}")

    def settle(self, finished: frozenset[int], progress: Progress) -> None:
        """The transaction that finishes these offsets with this progress is in the log."""
        for offset in finished:
            self._open.pop(offset, None)
        self._beyond = {o for o in (*self._beyond, *finished) if o >= progress.offset}
        self._committed = progress

    def behind(self) -> bool:
        """Whether the prefix grew (by markers read over) without any record to carry it."""
        return self._base(frozenset()) > self._committed.offset

    def _base(self, finished: frozenset[int]) -> int:
        for offset in self._open:
            if offset not in finished:
                return offset
        return self._next


def _restored(start: Progress, topic_id: str) -> set[int]:
    kind, _, rest = start.metadata.partition(":")
    topic, _, rest = rest.partition(":")
    base, _, packed = rest.partition(":")
    if (kind, topic, base) != (_FORMAT, topic_id, str(start.offset)):
        return set()
    try:
        bits = int.from_bytes(b64decode(packed, validate=True), "little")
    except (binascii.Error, ValueError):
        return set()
    span = min(bits.bit_length(), SPAN_MAX)
    return {start.offset + i for i in range(span) if bits >> i & 1}
