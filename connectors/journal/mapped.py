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
"""Records under way at once. More are not noted, which only makes a culprit harder to find."""

SUSPENDED_S: Final = 2.0
"""A watchdog that acts so much later than it was due did not run when it was, nor did anybody."""

SIZE: Final = _CELLS_AT + CELLS * _CELL.size


class MappedJournal:
    """Implements `streams.poison.starts.Journal`, for one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid4()
        self._path = folder / f"{self.id}.journal"
        unseen = self._path.with_suffix(".new")  # until it is locked, or it looks like a dead one's
        self.file = unseen.open("xb+", buffering=0)
        """For the last words, which are appended to it."""
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.file.truncate(SIZE)
        self.file.seek(SIZE)
        self._map = mmap.mmap(self.file.fileno(), SIZE)
        _HEAD.pack_into(self._map, 0, _MAGIC, self.id.bytes)
        unseen.rename(self._path)
        self._free = list(reversed(range(_CELLS_AT, SIZE, _CELL.size)))

    @contextmanager
    def under_way(self, place: Place, *, alone: bool) -> Iterator[None]:
        """Notes the record, and strikes it out when the context ends."""
        if not self._free:
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
        """A cell to keep. Raises IndexError when none is left."""
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

    One that was suspended (a laptop's lid, a paused container) blames nobody: it has no starts.
    """

    journal: UUID
    starts: tuple[Start, ...]
    cause: Cause | Literal["suspended"]
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
    starts = tuple(Start(place, journal, alone, cause) for place, alone in _under_way(content))
    return Remains(journal, starts, cause, stacks, path, file)


def _under_way(content: bytes) -> Iterator[tuple[Place, bool]]:
    """Where, and whether alone."""
    for there, alone, number, offset, *texts in _CELL.iter_unpack(content[_CELLS_AT:SIZE]):
        if there:
            step, topic, topic_id = map(_text, texts)
            yield Place(step, Partition(topic, number), offset, topic_id), alone


def _cause(stacks: str) -> Cause:
    """As faulthandler begins: `Timeout (0:01:00)!`, or `Fatal Python error: …`."""
    if not stacks:
        return "killed"
    return "blocked" if stacks.lstrip().startswith("Timeout") else "crashed"


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode(errors="replace")


def _texts(step: str, topic: str, topic_id: str) -> tuple[bytes, bytes, bytes]:
    return step.encode(), topic.encode(), topic_id.encode()
