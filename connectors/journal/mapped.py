"""The journal as a memory-mapped file: one store per record, kept by the kernel whatever we die of.

Each process has a file of its own and holds a lock on it, so a file that can be locked belongs to a
process that died. What it still could say of that, its stacks, is appended behind the cells.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from struct import Struct
from typing import Final, Literal
from uuid import UUID, uuid4

from streams.poison.starts import Cause, Place, Start
from streams.records import Partition

_MAGIC: Final = b"vidette journal 1\n"
_HEAD: Final = Struct("<18s16s")
_DUE: Final = Struct("<d")
_DUE_AT: Final = _HEAD.size + 6
_CELL: Final = Struct("<B?xxiq32s56s24s")
"""Under way or not, alone or not, partition, offset, step, topic, the topic's id."""

_FLAGS: Final = Struct("<B?")
_RECORD: Final = Struct("<iq")
_RECORD_AT: Final = 4
_CELLS_AT: Final = 64
CELLS: Final = 1024
CURSORS_MAX: Final = 64
"""Cells that are kept for cursors: one for each topic of a step that reads one after the other.

The others are for records under way at once. More are not noted, which only makes a culprit harder
to find.
"""

SUSPENDED_S: Final = 0.5
"""A watchdog that acts so much later than it was due did not run when it was, nor did anybody."""

KAFKA: Final = "/connectors/kafka/"
"""In the names of files whose code runs for all records of a step, and for no agent."""

SIZE: Final = _CELLS_AT + CELLS * _CELL.size


class NoCellLeft(Exception):  # noqa: N818  # says what is the matter
    """More steps and topics than a journal has cells for."""


class MappedJournal:
    """Implements `streams.poison.starts.Journal`, for one thread."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the disk has no room for all of it.

        A store into a page that finds no room would end the process by SIGBUS, later.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid4()
        self._path = folder / f"{self.id}.journal"
        unseen = self._path.with_suffix(".new")  # until it is locked, or it looks like a dead one's
        self.file = unseen.open("xb+", buffering=0)
        """For the last words, which are appended to it."""
        fcntl.flock(self.file, fcntl.LOCK_EX)
        try:
            _fill(self.file)
        except OSError:
            unseen.unlink()
            self.file.close()
            raise
        self._map = mmap.mmap(self.file.fileno(), SIZE)
        _HEAD.pack_into(self._map, 0, _MAGIC, self.id.bytes)
        unseen.rename(self._path)
        self._free = list(reversed(range(_CELLS_AT, SIZE, _CELL.size)))

    @contextmanager
    def under_way(self, place: Place, *, alone: bool) -> Iterator[None]:
        """Notes the record, and strikes it out when the context ends."""
        if len(self._free) <= CURSORS_MAX:
            yield
            return
        at = self._free.pop()
        step, (topic, number), offset, topic_id = place
        _CELL.pack_into(self._map, at, 1, alone, number, offset, *_texts(step, topic, topic_id))
        try:
            yield
        finally:
            self._map[at] = 0
            self._free.append(at)

    def cursor(self, step: str, topic_ids: Mapping[str, str]) -> "MappedCursor":
        """For one step; takes a cell for each of its topics."""
        return MappedCursor(self, step, topic_ids)

    def cell(self, step: str, topic: str, topic_id: str) -> tuple[mmap.mmap, int]:
        """A cell to keep. Raises NoCellLeft."""
        if not self._free:
            text = f"{step} would need a cell for {topic}, and the journal has {CELLS} in all"
            raise NoCellLeft(text)
        at = self._free.pop()
        _CELL.pack_into(self._map, at, 0, 0, 0, 0, *_texts(step, topic, topic_id))
        return self._map, at

    def due(self, moment: float) -> None:
        """When the watchdog will end us if nothing else happens, in seconds of the wall clock."""
        _DUE.pack_into(self._map, _DUE_AT, moment)

    def close(self) -> None:
        """Nothing is left unfinished: the file goes."""
        self._path.unlink(missing_ok=True)
        self._map.close()
        self.file.close()


class MappedCursor:
    """Implements `streams.poison.starts.Cursor`."""

    def __init__(self, journal: MappedJournal, step: str, topic_ids: Mapping[str, str]) -> None:
        self._journal, self._step, self._topic_ids = journal, step, topic_ids
        self._cells: dict[str, int] = {}
        self._map: mmap.mmap
        self._topic = ""
        self._at = 0
        self._alone = False

    @contextmanager
    def batch(self, *, alone: bool) -> Iterator[None]:
        """While it lasts the record last marked is under way."""
        self._alone = alone
        try:
            yield
        finally:
            self._leave()

    def mark(self, partition: Partition, offset: int) -> None:
        """One store into memory, but for the first of a topic."""
        topic, number = partition
        if topic != self._topic:
            self._enter(topic, number, offset)
        _RECORD.pack_into(self._map, self._at, number, offset)

    def _enter(self, topic: str, number: int, offset: int) -> None:
        self._leave()
        if topic not in self._cells:
            topic_id = self._topic_ids.get(topic, "")
            self._map, self._cells[topic] = self._journal.cell(self._step, topic, topic_id)
        at = self._cells[topic]
        _RECORD.pack_into(self._map, at + _RECORD_AT, number, offset)
        _FLAGS.pack_into(self._map, at, 1, self._alone)
        self._topic, self._at = topic, at + _RECORD_AT

    def _leave(self) -> None:
        if self._topic:
            self._map[self._at - _RECORD_AT] = 0
            self._topic = ""


@dataclass(frozen=True)
class Remains:
    """What a process that died has left: what it had not finished, why it died, and its stacks.

    One that was suspended (a laptop's lid, a paused container) or died in a thread that speaks with
    Kafka blames nobody: it has no starts. Of an unclear end they are those of a killed one.
    """

    journal: UUID
    starts: tuple[Start, ...]
    cause: Cause | Literal["suspended", "kafka", "unclear"]
    stacks: str
    path: Path
    file: FileIO
    """Open as long as it is ours: nobody else shall count the same again."""

    def forget(self) -> None:
        """All of it is kept elsewhere now."""
        self.path.unlink(missing_ok=True)
        self.file.close()


def left_behind(folder: Path) -> list[Remains]:
    """The journals of processes that died; those of living ones are locked."""
    found = (_taken(path) for path in sorted(folder.glob("*.journal")))
    return [remains for remains in found if remains]


def _taken(path: Path) -> Remains | None:
    try:
        file = path.open("rb+", buffering=0)
    except OSError:
        return None  # somebody took it before us
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = file.readall()
    except OSError:
        content = b""  # its process lives
    if len(content) < SIZE or not content.startswith(_MAGIC) or not path.exists():
        file.close()
        return None
    _, packed = _HEAD.unpack_from(content)
    journal, stacks = UUID(bytes=packed), content[SIZE:].decode(errors="replace")
    cause = _cause(stacks)
    (due,) = _DUE.unpack_from(content, _DUE_AT)
    if cause == "blocked" and 0 < due < os.fstat(file.fileno()).st_mtime - SUSPENDED_S:
        return Remains(journal, (), "suspended", stacks, path, file)
    if cause == "kafka":
        return Remains(journal, (), cause, stacks, path, file)
    weighs: Cause = "killed" if cause == "unclear" else cause
    starts = tuple(Start(place, journal, alone, weighs) for place, alone in _under_way(content))
    return Remains(journal, starts, cause, stacks, path, file)


def _under_way(content: bytes) -> Iterator[tuple[Place, bool]]:
    """Where, and whether alone; a cell that a bad disk has damaged says nothing."""
    for there, alone, number, offset, *texts in _CELL.iter_unpack(content[_CELLS_AT:SIZE]):
        if there:
            step, topic, topic_id = map(_text, texts)
            if step and topic and topic_id is not None:
                yield Place(step, Partition(topic, number), offset, topic_id), alone


def _cause(stacks: str) -> Cause | Literal["kafka", "unclear"]:
    """As faulthandler begins: `Timeout (0:01:00)!`, or `Fatal Python error: …`.

    Then come the threads. The `Current thread` is the one at fault; there is none when it is a
    thread of a library that never ran Python. SIGABRT may have come from outside.
    """
    if not stacks:
        return "killed"
    said = stacks.lstrip()
    if said.startswith("Timeout"):
        return "blocked"
    _, current, rest = said.partition("Current thread")
    at_fault, _, _ = rest.partition("\nThread ")
    if KAFKA in at_fault:
        return "kafka"
    return "unclear" if not current or said.startswith("Fatal Python error: Aborted") else "crashed"


def _text(padded: bytes) -> str | None:
    """None when nobody wrote it so."""
    try:
        text = padded.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _texts(step: str, topic: str, topic_id: str) -> tuple[bytes, bytes, bytes]:
    return step.encode(), topic.encode(), topic_id.encode()


def _fill(file: FileIO) -> None:
    """To its whole size, so that every page has its place on the disk."""
    left = SIZE
    while left:
        left -= file.write(bytes(left))
