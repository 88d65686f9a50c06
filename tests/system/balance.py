"""What became of a load in the end, id by id."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec

from streams.topics import AI_INFERENCES, Topic
from tests.system.load import Load
from tests.system.site import Site

W = TypeVar("W", bound=msgspec.Struct)


@dataclass(frozen=True)
class Balance:
    """What was acknowledged, and how often the log and the table have it; all by input."""

    attempted: frozenset[UUID]
    inferences: frozenset[UUID]
    """Acknowledged."""
    events: frozenset[UUID]
    """Acknowledged."""
    inferences_logged: Counter[UUID]
    events_logged: Counter[UUID]
    rows: Counter[UUID]

    @property
    def lost(self) -> frozenset[UUID]:
        """Acknowledged, and not in the log."""
        inferences = self.inferences - self.inferences_logged.keys()
        return inferences | (self.events - self.events_logged.keys())

    @property
    def doubled(self) -> Mapping[UUID, int]:
        """In the log or in the table more than once."""
        most = self.inferences_logged | self.events_logged | self.rows
        return {id_: n for id_, n in most.items() if n > 1}

    @property
    def from_nowhere(self) -> frozenset[UUID]:
        """In the log or in the table, and nobody published it."""
        found = self.inferences_logged + self.events_logged + self.rows
        return frozenset(found) - self.attempted


def balance(site: Site, load: Load, events_logged: Counter[UUID]) -> Balance:
    """Reads the log of inferences and the table; nothing may be under way any more."""
    return Balance(
        attempted=frozenset(load.attempted),
        inferences=frozenset(load.inferences),
        events=frozenset(load.events),
        inferences_logged=logged(site, AI_INFERENCES, lambda word: word.event_id),
        events_logged=events_logged,
        rows=Counter(row.event_id for row in site.rows()),
    )


def logged(site: Site, topic: Topic[W], input_of: Callable[[W], UUID]) -> Counter[UUID]:
    """A topic's committed records by input, as a client that isn't ours reads them."""
    return Counter(input_of(topic.codec.decode(taken.value)) for taken in site.taken(topic.name))
