"""What can be seen when everything is quiet: the words in which the checker is told of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from streams.records import Partition


class Sent(NamedTuple):
    """One distinct input, as its publisher knows it."""

    camera_event: bool
    """Else it is an inference result."""
    digest: str
    good: bool = True
    """What is not must end as a dead letter."""
    attempts: int = 1
    """How often it was handed to the producer."""
    acknowledged: int = 1
    calm: int = 0
    """Copies handed over when everything before them was projected and the database answered."""


class Logged(NamedTuple):
    """One committed record of a topic.

    `input` is the id of the camera event or inference result that it goes back to; `digest` is the
    hash of the payload found in it, "" where it carries none.
    """

    input: UUID
    camera: bytes
    digest: str = ""
    frames: tuple[str, ...] = ()


class Row(NamedTuple):
    """One row of `ai_events`; `group` is hour, camera, model and outcome, as roll-ups have them."""

    input: UUID
    digest: str
    group: tuple[str, ...]


class Letter(NamedTuple):
    """One record of the dead letters: the letter's own id, and the input it goes back to."""

    id: UUID
    step: str
    input: UUID


@dataclass(frozen=True)
class Topics:
    """Committed records of each topic, partition by partition, in their order."""

    camera_events: Sequence[Logged] = ()
    inference_results: Sequence[Logged] = ()
    enriched: Sequence[Logged] = ()
    clips: Sequence[Logged] = ()
    outcomes: Sequence[Logged] = ()
    inferences: Sequence[Logged] = ()
    attempts: Sequence[Logged] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that the verdict rests on."""

    sent: Mapping[UUID, Sent]
    topics: Topics
    rows: Sequence[Row]
    letters: Sequence[Letter] = ()
    roll_ups: Mapping[tuple[str, ...], int] = field(default_factory=Counter)
    calls: Mapping[UUID, int] = field(default_factory=Counter)
    """Calls of the provider, by input."""
    described: Mapping[UUID, int] = field(default_factory=Counter)
    """Outcomes in the log that a provider answered, by input."""
    calls_lost_max: int = 0
    """How many calls the faults of the run may have cost: what could be uncommitted at each."""
    frames_kept: frozenset[str] = frozenset()
    last: Mapping[Partition, int] = field(default_factory=dict)
    """The offset of the last committed record of each partition that is projected."""
    ledger: Mapping[Partition, int] = field(default_factory=dict)
    """Where the database says that reading goes on."""
