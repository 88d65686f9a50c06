"""Another chance for what became a dead letter: which letters get it, and how it is written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from schemas import headers as names
from streams.dead_letters import DeadLetter, original_headers
from streams.lanes import Encoded
from streams.records import Record
from streams.topics import DEAD_LETTERS, catalogue

REDRIVE_BYTES_MAX: Final = 900_000
"""A larger value does not fit into any topic, with its key and headers."""


STATES: Final = frozenset(topic.name for topic in catalogue() if topic.compacted)
"""Topics in which the newest record of a key counts: what comes late wins there."""


class NotRedriven(Exception):  # noqa: N818  # what it says is a state of the letter
    """A letter can't be given another chance; the sentence says why and what to do."""


@dataclass
class Redriven:
    """What became of the letters that were asked for; why not, by id."""

    done: list[DeadLetter] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)


def allowed(
    ids: Collection[UUID], letters: Mapping[UUID, DeadLetter], result: Redriven, *, again: bool
) -> list[UUID]:
    """Those that exist and, without `again`, were not redriven before; the others are refused."""
    found: list[UUID] = []
    for id_ in dict.fromkeys(ids):
        if id_ not in letters:
            result.refused[id_] = f"there is no letter {id_}; `dead-letters list --all` shows all"
        elif letters[id_].redriven and not again:
            result.refused[id_] = f"letter {id_} was redriven before; --again does it once more"
        else:
            found.append(id_)
    return found


def check_newest(letter: DeadLetter, record: Record, states: Iterable[Record]) -> None:
    """Compares a letter about a state with the records of its topic.

    Raises NotRedriven when there is a later one of its key, which another chance would overwrite.
    """
    written_ms = int(record.header(names.TIMESTAMP) or 0)
    for state in states:
        here = state.partition == letter.source
        later = state.offset > letter.source_offset if here else state.timestamp_ms > written_ms
        if state.key != record.key or not later:
            continue
        if state.header(names.REDRIVEN) == str(letter.id):  # its own earlier chance
            continue
        text = (
            f"letter {letter.id} would overwrite a later record of its key, "
            f"{state.partition.topic}[{state.partition.number}]@{state.offset}: "
            "publish the state that shall count instead"
        )
        raise NotRedriven(text)


def redrive(letter: DeadLetter, record: Record, value: bytes | None) -> tuple[Encoded, Encoded]:
    """Another chance for `value` with the record's own key and headers; and the marker of it.

    Raises NotRedriven when no topic takes the value.
    """
    if value is not None and len(value) > REDRIVE_BYTES_MAX:
        text = (
            f"the value of letter {letter.id} has {len(value)} bytes and no topic takes more than "
            f"{REDRIVE_BYTES_MAX}: give a corrected one with --value FILE"
        )
        raise NotRedriven(text)
    this = (names.REDRIVEN, str(letter.id).encode())
    kept, _ = original_headers(record)
    headers = [*kept, (names.REDRIVE_STEP, letter.step.encode()), this]
    again = Encoded(letter.source.topic, record.key, value, headers)
    return again, Encoded(DEAD_LETTERS.name, record.key, None, [this])
