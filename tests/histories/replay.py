"""What a recorded log must be read as: the rows of each table, the letters, and what is refused.

`python -m tests.histories.replay LOG` writes down what today's code makes of a saved log, once.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from connectors.archive.file import records
from connectors.memory.read_model import Store
from streams import dead_letters
from streams.projection.folding import fold
from streams.projection.project import PROJECTED
from streams.projection.rows import AnswerRow, AttemptRow, ClipRow, DeviceRow, EventRow, Row, Rows
from streams.records import Record
from streams.topics import DEAD_LETTERS

Document = dict[str, object]
Tables = dict[str, list[Document]]
"""Rows as plain JSON, by table."""

JSON_COLUMNS: Final = frozenset(
    {"detections", "event_metadata", "settings", "frames", "motion", "answer"}
)
TABLES: Final[Mapping[str, type[Row]]] = {
    "devices": DeviceRow,
    "ai_events": EventRow,
    "provider_attempts": AttemptRow,
    "clips": ClipRow,
    "answers": AnswerRow,
}
PROJECTED_TOPICS: Final = frozenset(topic.name for topic in PROJECTED)


class Line(msgspec.Struct, frozen=True):
    """One line of a file of expected rows."""

    table: str
    row: Document


def read(log: Path) -> Tables:
    """The read model, as today's code folds the log."""
    kept = list(records(log))
    store, refused = Store(), list[Document]()
    for record in kept:
        if record.partition.topic in PROJECTED_TOPICS:
            folded = fold(PROJECTED, record)
            rows = Rows()
            rows.add(folded.rows)
            store.add(rows)
            if folded.why:
                refused.append(place(record) | {"reason": folded.why.reason})
    per_hour = [hour(*key, n) for key, n in store.events_per_hour.items()]
    return {
        "devices": [document(row) for row in store.devices.values()],
        "ai_events": [document(row) for row in store.events.values()],
        "provider_attempts": [document(row) for row in store.attempts.values()],
        "clips": [document(row) for row in store.clips.values()],
        "answers": [document(row) for row in store.answers.values()],
        "events_per_hour": per_hour,
        "dead letters": list(letters(kept)),
        "refused": refused,
    }


def letters(kept: Iterable[Record]) -> Iterator[Document]:
    """Of the log's dead letters."""
    found = dead_letters.fold(r for r in kept if r.partition.topic == DEAD_LETTERS.name)
    for letter in found:
        yield plain(msgspec.to_builtins(letter))


def place(record: Record) -> Document:
    """Where a record lies."""
    topic, number = record.partition
    return {"topic": topic, "partition": number, "offset": record.offset}


def hour(start: object, camera: object, model: object, outcome: object, n: int) -> Document:
    """A row of the roll-up."""
    names = ("hour", "camera_id", "model_id", "outcome", "n")
    return plain(dict(zip(names, (start, camera, model, outcome, n), strict=True)))


def document(row: Row) -> Document:
    """A row, whatever it was read from."""
    columns = row._asdict().items()
    return plain({k: parsed(v) if k in JSON_COLUMNS else v for k, v in columns})


def parsed(value: object) -> object:
    """JSON as what it says."""
    return msgspec.json.decode(value) if isinstance(value, str | bytes) else value


def plain(value: object) -> Document:
    """As it comes back from a file."""
    found: Document = msgspec.json.decode(msgspec.json.encode(value))
    return found


def expected(file: Path) -> Tables:
    """What was written down when the log was recorded."""
    tables: Tables = {}
    for line in file.read_bytes().splitlines():
        found = msgspec.json.decode(line, type=Line)
        tables.setdefault(found.table, []).append(found.row)
    return tables


def written(tables: Tables) -> bytes:
    """The text of a file of expected rows."""
    lines = [Line(table, row) for table, rows in tables.items() for row in rows]
    return b"".join(sorted(msgspec.json.encode(line, order="sorted") + b"\n" for line in lines))


def differences(wanted: Tables, found: Tables, ignored: frozenset[str] = frozenset()) -> list[str]:
    """What is missing or other than it was; columns and tables that came later are passed over."""
    told: list[str] = []
    for table, rows in wanted.items():
        columns = rows[0].keys() - ignored
        before = Counter(text(row, columns) for row in rows)
        now = Counter(text(row, columns) for row in found.get(table, []))
        told += [f"{table}: missing {row}" for row in before - now]
        told += [f"{table}: not expected {row}" for row in now - before]
    return told


def text(row: Document, columns: Iterable[str]) -> str:
    """Part of a row, comparable."""
    values = {c: _without_nulls(row.get(c)) for c in columns}
    return msgspec.json.encode(values, order="sorted").decode()


def _without_nulls(value: object) -> object:
    """Inside a document, null is what an older one does not say at all."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def rows_of(log: Path) -> Path:
    """The file of expected rows beside a saved log."""
    return log.with_name(log.name.removesuffix(".jsonl.gz") + ".rows.jsonl")


def main(log: Path) -> None:
    """Raises FileExistsError: what is expected of a recorded log is never written again."""
    with rows_of(log).open("xb") as file:
        file.write(written(read(log)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
