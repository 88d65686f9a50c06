"""The story of one event in plain words, in order of time: a pure function of what was found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.camera_events import CameraConnectionChanged, Sighting
from schemas.clips import CameraEventEnriched, ClipNotWanted, ClipReady, ClipUnavailable
from schemas.outcomes import Outcome
from schemas.requests import AnalysisRequested
from streams.telling import lines
from streams.telling.traces import Found, Trail, Word, own

Kind = Literal["reported", "camera", "clip", "attempt", "outcome", "request", "dead_letter"]

ORDER: Final[Sequence[Kind]] = (
    "reported",
    "camera",
    "clip",
    "request",
    "attempt",
    "outcome",
    "dead_letter",
)
"""Of what has the same time."""


@dataclass(frozen=True)
class Line:
    """One thing that happened, and when: by the log's clock, of an attempt by its worker's."""

    at: datetime
    kind: Kind
    text: str


@dataclass(frozen=True)
class Story:
    """What happened to one event, oldest first, and how it stands after that."""

    event_id: UUID
    lines: tuple[Line, ...]
    stands: str


def tell(trail: Trail) -> Story:
    """The story; what was written twice is told once."""
    once: dict[tuple[type[Word], UUID | None], Found] = {}
    for found in sorted(trail.found, key=lambda one: one.written_at):
        once.setdefault((type(found.word), own(found.word)), found)
    outcomes = [found.word for found in once.values() if isinstance(found.word, Outcome)]
    told = [*_reported(trail), *_followed(once, ended=bool(outcomes))]
    told += [Line(one.written_at, "dead_letter", lines.letter(one)) for one in trail.letters]
    told.sort(key=lambda line: (line.at, ORDER.index(line.kind)))
    newest = max(outcomes, key=lambda outcome: outcome.revision, default=None)
    open_letters = [letter for letter in trail.letters if not letter.redriven]
    return Story(trail.event_id, tuple(told), lines.stands(newest, open_letters))


def _reported(trail: Trail) -> Iterator[Line]:
    """Once, however often it was published; and what later words say of it when it is gone."""
    published = [
        (one.written_at, one.word)
        for one in trail.found
        if isinstance(one.word, Sighting | CameraConnectionChanged)
    ]
    carried = next((found for one in trail.found if (found := _carried(one.word))), None)
    if published:
        at, first = min(published, key=lambda one: one[0])
        yield Line(at, "reported", lines.reported(first, len(published)))
    elif carried is not None:
        at = carried.event.timestamp
        yield Line(at, "reported", lines.reported(carried.event, 1))
    if carried is not None and not any(
        isinstance(one.word, CameraEventEnriched) for one in trail.found
    ):
        yield Line(at, "camera", lines.camera(carried.camera))


def _carried(word: Word) -> CameraEventEnriched | Outcome | None:
    """What carries event and camera inside."""
    match word:
        case Outcome() | CameraEventEnriched():
            return word
        case ClipReady() | ClipUnavailable() | ClipNotWanted() | AnalysisRequested():
            return word.enriched
        case _:
            return None


def _followed(once: dict[tuple[type[Word], UUID | None], Found], *, ended: bool) -> Iterator[Line]:
    for found in once.values():
        word, at = found.word, found.written_at
        match word:
            case Sighting() | CameraConnectionChanged():
                continue
            case CameraEventEnriched():
                yield Line(at, "camera", lines.camera(word.camera))
            case ClipReady() | ClipUnavailable() | ClipNotWanted():
                yield Line(at, "clip", lines.clip(word))
            case AnalysisRequested():
                yield Line(at, "request", lines.request(word))
            case ProviderAttempted():
                yield Line(word.attempted_at, "attempt", lines.attempt(word))
            case AttemptBegun():
                if (ProviderAttempted, word.id) not in once:
                    text = lines.begun(word, ended=ended)
                    yield Line(word.attempted_at, "attempt", text)
            case _:
                yield Line(at, "outcome", lines.outcome(word))
