"""confluent-kafka's messages as our records, and the two of its error codes that are no errors."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import methodcaller
from typing import Final, cast, overload

from confluent_kafka import Consumer, KafkaError, Message

from streams.records import Headers, Partition, Record

PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001  # public, its name notwithstanding
NOT_IN_THE_LOG: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001  # likewise

IDLE_S: Final = 0.2
"""How long one turn of a poll thread lasts while nothing comes: each costs CPU, and wishes wait."""

GATHER_S: Final = 0.05
"""How long records wait for others to come with them."""

_ask_for_headers: Final = methodcaller("headers")
"""A name that is not UTF-8 makes the library return a broken list beside its exception. A hot call
from Python does not look for the exception, and touching the list ends the process (seen); a call
from C, such as this one, does look.
"""


def gathered(consumer: Consumer, records_max: int) -> list[Message]:
    """What comes next, and what comes soon after; nothing when nothing comes. Serves callbacks."""
    first = consumer.consume(1, IDLE_S)
    if not first or records_max == 1:
        return first
    return first + consumer.consume(records_max - 1, GATHER_S)


def headers_of(message: Message) -> Headers:
    """The library gives a list of pairs, whatever its types say; no value is an empty one."""
    try:
        headers: list[tuple[str, bytes | None]] | None = _ask_for_headers(message)
    except (UnicodeDecodeError, SystemError):  # the library raises either
        return ()  # a name that is no text: nobody asks for it, and it must not stop the reading
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
        """Asks once: a second time the library gives the list that it broke."""
        if self._headers is None:
            self._headers = headers_of(self._message)
        return self._headers


def record_of(
    partition: Partition, message: Message, headers: Callable[[Message], Headers] = headers_of
) -> Record:
    """A message without error, as a record of this partition."""
    return Record(
        partition,
        message.offset() or 0,
        message.key(),
        message.value(),
        headers(message),
        message.timestamp()[1],
    )


def short(partitions: Iterable[Partition]) -> str:
    """Partitions for people: each topic once."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for topic, number in sorted(partitions):
        numbers[topic].append(str(number))
    return " ".join(f"{topic}[{','.join(held)}]" for topic, held in numbers.items())
