"""confluent-kafka's messages as our records, and the two of its error codes that are no errors."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import methodcaller
from typing import Final, cast, overload

from confluent_kafka import Consumer, KafkaError, Message

from connectors.kafka.backlog import Portion
from schemas import headers as names
from streams.dead_letters import HEADERS_BYTES_MAX, HEADERS_MAX
from streams.records import Headers, Partition, Record

PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  # public, its name notwithstanding
NOT_IN_THE_LOG: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001  # likewise

IDLE_S: Final = 0.2
"""How long one turn of a poll thread lasts while nothing comes: each costs CPU, and wishes wait."""

GATHER_S: Final = 0.05
"""How long records wait for others to come with them."""

HEADER_WEIGHT: Final = 32
"""Bytes that a header is taken to have beside its name and value."""

HEADER_BYTES_MAX: Final = 1024
ASKED_FOR: Final = frozenset({names.CORRELATION_ID, names.TRACEPARENT, names.REDRIVE_STEP})
"""Headers that count also when there are too many, if they are no longer than that."""

_ask_for_headers: Final = methodcaller("headers")
"""A name that is not UTF-8 makes the library return a broken list beside its exception. A hot call
from Python does not look for the exception, and touching the list ends the process (seen); a call
from C, such as this one, does look.
"""


def gathered(consumer: Consumer, portion: Portion) -> Iterator[list[Message]]:
    """What comes next, and what comes soon after; nothing when nothing comes. Serves callbacks.

    After each chunk `portion` must hear what came.
    """
    messages = consumer.consume(1, IDLE_S)
    ends = time.monotonic() + GATHER_S
    while messages:
        yield messages
        left_s = ends - time.monotonic()
        if left_s <= 0 or not portion.records:
            return
        messages = consumer.consume(portion.records, left_s)


def headers_of(message: Message) -> Headers | None:
    """The library gives a list of pairs, whatever its types say; no value is an empty one.

    None when it can't: a name is not UTF-8. Of more than 100,000 it gives none and says nothing.
    """
    try:
        headers: list[tuple[str, bytes | None]] | None = _ask_for_headers(message)
    except (UnicodeDecodeError, SystemError):  # the library raises either
        message.set_headers([])  # or it would give the list that it broke, the next time
        return None
    if not headers:
        return ()
    for _, value in headers:
        if value is None:
            return [(name, value or b"") for name, value in headers]
    return cast("list[tuple[str, bytes]]", headers)


class LateHeaders(Sequence[tuple[str, bytes]]):
    """Headers for who seldom looks: made when somebody does.

    To make them takes longer than all else about a message; the projection wants them for letters.
    """

    __slots__ = ("_headers", "_message")

    def __init__(self, message: Message) -> None:
        self._message = message
        self._headers: Headers | None = None

    @overload
    def __getitem__(self, index: int) -> tuple[str, bytes]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[str, bytes]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, bytes] | Sequence[tuple[str, bytes]]:
        """As of any sequence."""
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self._read())

    def _read(self) -> Headers:
        if self._headers is None:
            self._headers = headers_of(self._message) or ()
        return self._headers


def record_of(partition: Partition, message: Message) -> tuple[Record, int]:
    """A message without error, as a record of this partition; and how many bytes it came with.

    Headers beyond what a letter keeps are left out, but for those that somebody asks for.
    """
    offset, timestamp = message.offset() or 0, message.timestamp()[1]
    key, value = message.key(), message.value()
    weight = (len(key) if key else 0) + (len(value) if value else 0)
    headers, missing = headers_of(message), ""
    if headers is None:
        headers, missing = (), "its headers, of which a name is not UTF-8,"
    elif headers:
        count, size = len(headers), _size(headers)
        weight += size + count * HEADER_WEIGHT
        if count > HEADERS_MAX or size > HEADERS_BYTES_MAX:
            headers, missing = _asked_for(headers), f"its {count} headers of {size} bytes"
    return Record(partition, offset, key, value, headers, timestamp, missing), weight


def late_record_of(partition: Partition, message: Message) -> tuple[Record, int]:
    """Likewise, with headers that are read when somebody asks, all of them, and not weighed."""
    offset, timestamp = message.offset() or 0, message.timestamp()[1]
    key, value = message.key(), message.value()
    weight = (len(key) if key else 0) + (len(value) if value else 0)
    return Record(partition, offset, key, value, LateHeaders(message), timestamp), weight


def weight_of_headers(message: Message) -> int:
    """What the headers of a message, which it has read for it, take."""
    headers = headers_of(message) or ()
    return _size(headers) + len(headers) * HEADER_WEIGHT


def _size(headers: Headers) -> int:
    return sum([len(name) + len(value) for name, value in headers])


def _asked_for(headers: Headers) -> Headers:
    """Of a name that is there twice, the last one counts."""
    found = {name: value for name, value in headers if name in ASKED_FOR}
    return [(name, value) for name, value in found.items() if len(value) <= HEADER_BYTES_MAX]


def short(partitions: Iterable[Partition]) -> str:
    """Partitions for people: each topic once."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for topic, number in sorted(partitions):
        numbers[topic].append(str(number))
    return " ".join(f"{topic}[{','.join(held)}]" for topic, held in numbers.items())
