"""A step's way through the log: what it takes from its topics and how it gives work back.

A *lease* is one ownership of a partition; a later ownership has another number. Work done under a
lease that has ended is dropped: somebody else does it now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from streams.projection.ports import Log
from streams.records import Headers, Partition, Record


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """One record ready to be produced; `topic` is the catalogue's name."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Progress(msgspec.Struct, frozen=True, gc=False):
    """Where a partition's next reading begins, and (metadata) what is finished beyond it."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one poll, and everything that changed since the one before.

    `leases` are all partitions owned now. `starts` holds the committed progress of those whose
    lease is new. `ends` holds the partitions just read to their end, and that end: offsets below it
    that never came are transaction markers or aborted records.
    """

    records: Sequence[Record]
    leases: Mapping[Partition, int]
    starts: Mapping[Partition, Progress] = field(default_factory=dict)
    ends: Mapping[Partition, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """Finished work, by the partition that its input came from, under the leases of that time."""

    leases: Mapping[Partition, int]
    progress: Mapping[Partition, Progress]
    outputs: Mapping[Partition, Sequence[Encoded]]


class Reader(Protocol):
    """Reads a step's share of its topics."""

    async def take(self) -> Batch:
        """The next batch; waits for one."""
        ...

    def hold(self, partitions: frozenset[Partition]) -> None:
        """Exactly these partitions give no records until further notice."""
        ...

    async def topic_ids(self) -> Mapping[str, str]:
        """The id that the broker gave each topic when it was made.

        Another one means another log.
        """
        ...

    async def close(self) -> None:
        """Leaves the group."""
        ...


class Lane(Reader, Protocol):
    """Reads, and writes outputs together with progress, or neither."""

    async def commit(self, work: Work) -> frozenset[Partition]:
        """One transaction; returns the partitions whose work is in the log now.

        Partitions that are missing from the answer were taken away: their work is void. Trouble
        that can pass is waited out in here.
        """
        ...


class LedgerReader(Reader, Protocol):
    """Reads from where a ledger outside the log says; new leases stay silent until `start`."""

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        """What the broker says of the partitions now; waits until it does."""
        ...

    def start(self, partition: Partition, lease: int, offset: int) -> None:
        """Begins, or begins again, at the offset.

        The next batch names a new lease that starts there.
        """
        ...

    def report(self, progress: Mapping[Partition, int]) -> None:
        """Tells the broker how far we are, so that lag can be seen; nothing rests on it."""
        ...


class Letters(Protocol):
    """Writes records outside any transaction, for steps that have none."""

    async def append(self, records: Sequence[Encoded]) -> None:
        """Returns when all replicas asked for have them."""
        ...

    async def close(self) -> None:
        """Returns when nothing is under way any more."""
        ...
