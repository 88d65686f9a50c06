"""One record of the log becomes rows, or the reason why not; live and in a rebuild alike."""

from collections.abc import Sequence
from typing import cast

import msgspec

from streams import wire
from streams.dead_letters import Rejected
from streams.projection.project import Projected, project
from streams.projection.rows import Row
from streams.records import Record
from streams.topics import Topic


class Folded(msgspec.Struct, frozen=True):
    """A record and its rows, or why it has none; a redrive for another reader has neither."""

    record: Record
    rows: tuple[Row, ...]
    why: Rejected | None = None


def fold(
    topics: Sequence[Topic[msgspec.Struct]],
    record: Record,
    siblings: frozenset[str] = frozenset(),
) -> Folded:
    """Whatever is wrong with a record is said in `why`: it never costs its neighbours anything.

    Raises MemoryError, which may be somebody else's fault.
    """
    name = record.partition.topic
    (topic,) = [topic for topic in topics if topic.name == name]
    try:
        event = cast("Projected | None", wire.event(topic, record, siblings))
        if event is None:
            return Folded(record, ())
        return Folded(record, project(event, wire.recorded_at(record), record.offset))
    except Rejected as why:
        return Folded(record, (), why)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # one record's trouble is that record's
        text = f"{type(error).__name__}: {error}"[:1000]
        return Folded(record, (), Rejected("agent_failed", text))
