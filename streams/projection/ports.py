"""What the projection asks of its database: rows, and a ledger of positions written with them.

Error names say what happens next:

    ReadModelError
    ├── LedgerLost            another owner took the partition: claim again, seek, go on
    ├── RowRefused            the data of some row: write smaller batches until the bad one is alone
    ├── ReadModelAway         trouble with the connection: wait, claim again, seek, go on
    └── ReadModelUnusable     nobody but a person can help: stop, and say so
        ├── LedgerBeyondLog       positions that the log does not have
        ├── LedgerBehindLog       records that the log no longer has
        ├── LedgerOfAnotherLog    a topic of this name, but another one
        └── ReadModelMissing      no tables
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from streams.projection.rows import Rows
from streams.records import Partition

REBUILD = "stop the workers, run `./vidette projections rebuild --accept`, start them again"


class ReadModelError(Exception):
    """The read model could not do what was asked, and nothing of it was done."""


class LedgerLost(ReadModelError):  # noqa: N818  # see the tree
    """Another owner raised the epoch, or the ledger holds another value than the batch expects."""


class RowRefused(ReadModelError):  # noqa: N818  # see the tree
    """The database refuses the data of some row; the batch is as if it had never been sent."""


class ReadModelAway(ReadModelError):  # noqa: N818  # see the tree
    """Whether the batch was written is unknown; the next claim tells."""


class ReadModelUnusable(ReadModelError):  # noqa: N818  # see the tree
    """Only a person can help; the sentence says how."""


class LedgerBeyondLog(ReadModelUnusable):
    """The ledger has read further than the log goes: the log was lost or set back."""


class LedgerBehindLog(ReadModelUnusable):
    """The log no longer holds what would be read next: it expired before it was projected."""


class LedgerOfAnotherLog(ReadModelUnusable):
    """The topic was made anew since the ledger was written: its offsets mean something else."""


class ReadModelMissing(ReadModelUnusable):
    """The database was never migrated."""


@dataclass(frozen=True, slots=True)
class Log:
    """What Kafka says of a partition: its topic's id, its first offset, the one after its last.

    Without `first` a new ledger row begins at 0; without `end` nobody checks whether it is beyond.
    """

    topic_id: str
    first: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A batch holds everything from offset `since` up to, without, `next`."""

    since: int
    next: int


@dataclass(frozen=True, slots=True)
class ProjectionBatch:
    """Rows, and the positions that having written them means; topics by their catalogue names."""

    rows: Rows
    moves: Mapping[Partition, Move]


class ReadModel(Protocol):
    """Rows and positions in one transaction. Partitions of one slice share a connection."""

    @property
    def slices(self) -> int:
        """How many batches may be written at once, see `slice_of`."""
        ...

    async def claim(self, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        """Takes the partitions from whoever had them; returns the offsets to read next.

        Raises ReadModelAway, and any ReadModelUnusable.
        """
        ...

    async def write(self, batch: ProjectionBatch) -> None:
        """All of it or nothing; partitions of one slice only.

        Raises LedgerLost, RowRefused, ReadModelAway, ReadModelMissing.
        """
        ...

    async def close(self) -> None:
        """Lets go of the connections."""
        ...


def slice_of(partition: Partition, slices: int) -> int:
    """By number alone: topics are partitioned alike, so all that is of a camera stays together."""
    return partition.number % slices


def check(partition: Partition, next_offset: int, topic_id: str, log: Log) -> None:
    """Compares a ledger row with the log. Raises one of the `Ledger…` errors that stop us."""
    where = f"{partition.topic}, partition {partition.number}"
    if topic_id != log.topic_id:
        text = f"{where} was made anew since it was projected: {REBUILD}"
        raise LedgerOfAnotherLog(text)
    if log.end is not None and next_offset > log.end:
        text = f"{where} ends at {log.end}, but is projected up to {next_offset}: {REBUILD}"
        raise LedgerBeyondLog(text)
    if next_offset < log.first:
        text = f"{where} begins at {log.first}, but is projected up to {next_offset}: {REBUILD}"
        raise LedgerBehindLog(text)
