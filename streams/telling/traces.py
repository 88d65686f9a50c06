"""What of the log is about one event: found by the time that every id of its story carries.

Ids of one story share their first 48 bits, so a record that does not have them in its text is
passed over unread. Which of the others belong to it shows when all are there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.camera_events import CameraConnectionChanged, CameraEvent, Sighting
from schemas.clips import (
    CameraEventEnriched,
    ClipNotWanted,
    ClipOutcome,
    ClipReady,
    ClipUnavailable,
)
from schemas.codec import Undecodable
from schemas.outcomes import AiEvent
from schemas.requests import AnalysisRequested
from streams import identity
from streams.dead_letters import DeadLetter, fold
from streams.records import Partition, Record
from streams.topics import (
    AI_ATTEMPTS,
    AI_EVENTS,
    ANALYSIS_REQUESTS,
    CAMERA_EVENTS,
    CLIPS,
    DEAD_LETTERS,
    ENRICHED,
)

Word = (
    CameraEvent
    | CameraEventEnriched
    | ClipOutcome
    | AnalysisRequested
    | AttemptBegun
    | ProviderAttempted
    | AiEvent
)

DERIVED: Final = frozenset(
    topic.name for topic in (ENRICHED, CLIPS, ANALYSIS_REQUESTS, AI_ATTEMPTS, AI_EVENTS)
)
"""Written by ourselves, keyed by the camera's id."""

READ: Final = frozenset({CAMERA_EVENTS.name, *DERIVED, DEAD_LETTERS.name})
"""Topics that a story is told from."""

STAMP: Final = 13
"""Characters of a UUID's text that its 48 bits of time take."""


@dataclass(frozen=True)
class Found:
    """One word, where it lies, and when it was written there."""

    word: Word
    place: Partition
    offset: int
    written_at: datetime


@dataclass(frozen=True)
class Trail:
    """All that is about one event; letters oldest first."""

    event_id: UUID
    found: tuple[Found, ...]
    letters: tuple[DeadLetter, ...]


@dataclass
class Traces:
    """Gathers what has the time of `id_`: of an event, or of anything that followed from one."""

    id_: UUID
    found: list[Found] = field(default_factory=list, init=False)
    _letters: list[Record] = field(default_factory=list, init=False)
    _told: dict[tuple[Partition, int], Word] = field(default_factory=dict, init=False)
    """What the letters with these places are about, as far as their values can be read."""

    def add(self, records: Iterable[Record]) -> None:
        """Looks at records of any topic of `READ`, in whatever order."""
        for record in records:
            if record.partition.topic == DEAD_LETTERS.name:
                self._letters.append(replace(record, value=None))
                self._note(record)
            elif (word := self._read(record.partition.topic, record.value)) is not None:
                written_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
                self.found.append(Found(word, record.partition, record.offset, written_at))

    def trail(self) -> Trail | None:
        """What belongs together; None when nothing is about `id_`."""
        words = (*(one.word for one in self.found), *self._told.values())
        event_id = next((subject(w) for w in words if self.id_ in {subject(w), own(w)}), None)
        if event_id is None:
            return None
        found = tuple(one for one in self.found if subject(one.word) == event_id)
        about = {(one.place, one.offset) for one in found}
        told = {place for place, word in self._told.items() if subject(word) == event_id}
        letters = tuple(
            letter
            for letter in fold(self._letters)
            if (letter.source, letter.source_offset) in about
            or (letter.place, letter.offset) in told
        )
        return Trail(event_id, found, letters)

    def _note(self, record: Record) -> None:
        for letter in fold([record]):
            word = self._read(letter.source.topic, record.value)
            if word is not None:
                self._told[record.partition, record.offset] = word

    def _read(self, topic: str, value: bytes | None) -> Word | None:
        stamp = str(self.id_)[:STAMP]
        if value is None or (topic != CAMERA_EVENTS.name and stamp.encode() not in value):
            return None
        word = decoded(topic, value)
        return word if word is not None and str(subject(word)).startswith(stamp) else None


def decoded(topic: str, value: bytes) -> Word | None:
    """The word, if the topic is one that a story is told from and the bytes can be read."""
    try:
        for known in (CAMERA_EVENTS, ENRICHED, CLIPS, ANALYSIS_REQUESTS, AI_ATTEMPTS, AI_EVENTS):
            if known.name == topic:
                return known.codec.decode(value)
    except Undecodable:
        pass  # it is a dead letter, and found as that
    return None


def subject(word: Word) -> UUID:
    """The id of the camera event that a word is about."""
    match word:
        case Sighting() | CameraConnectionChanged():
            return identity.event_id(word)
        case CameraEventEnriched():
            return word.id
        case ClipReady() | ClipUnavailable() | ClipNotWanted() | AnalysisRequested():
            return word.enriched.id
        case _:
            return word.event_id


def own(word: Word) -> UUID | None:
    """A word's own id; what upstream writes has none."""
    return None if isinstance(word, Sighting | CameraConnectionChanged) else word.id
