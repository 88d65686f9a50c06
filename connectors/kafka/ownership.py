"""Which partitions are ours, as one view that the poll thread and transactions share.

Everything that a transaction must know is one `Snapshot`, replaced as a whole by the poll thread:
which partitions are leased and under what membership. A transaction holds `transacting` while it
runs; a revocation takes the same lock, so it waits for the open transaction, and no later one can
contain the partition. Membership is never fetched anew at commit time: fresh metadata was seen to
be accepted for a partition that belonged to somebody else by then.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from confluent_kafka import TopicPartition

from streams.lanes import Progress
from streams.records import Partition


@dataclass(frozen=True)
class Snapshot:
    """Who we are in the group and what we own, as of one moment of the poll thread."""

    leases: Mapping[Partition, int] = field(default_factory=dict)
    membership: object = None


class Ownership:
    """Written by the poll thread alone; read by the thread of transactions under `transacting`."""

    def __init__(self) -> None:
        self.transacting = threading.Lock()
        self.snapshot = Snapshot()
        self.changed = False
        self._count = 0
        self._starts: dict[Partition, Progress] = {}

    def lease(self, starts: Mapping[Partition, Progress | None]) -> None:
        """New leases; the next batch tells where those with a start begin."""
        leases = dict(self.snapshot.leases)
        for partition, start in starts.items():
            self._count += 1
            leases[partition] = self._count
            self._starts.pop(partition, None)
            if start is not None:
                self._starts[partition] = start
        self._replace(leases)

    def end(self, gone: Collection[Partition]) -> None:
        """These are somebody else's, once the open transaction has ended."""
        for partition in gone:
            self._starts.pop(partition, None)
        self._replace({p: n for p, n in self.snapshot.leases.items() if p not in gone})

    def join(self, membership: object) -> None:
        """What the group calls us now; taken after a poll, when every callback has been served."""
        self.snapshot = replace(self.snapshot, membership=membership)

    def begins(self, partition: Partition) -> int:
        """Where a lease that no batch has told of yet begins."""
        return self._starts.get(partition, Progress(0)).offset

    def told(self) -> Mapping[Partition, Progress]:
        """Where new leases begin; asking means that a batch tells of them."""
        starts, self._starts, self.changed = self._starts, {}, False
        return starts

    def _replace(self, leases: Mapping[Partition, int]) -> None:
        with self.transacting:
            self.snapshot = replace(self.snapshot, leases=leases)
        self.changed = True


class Pausable(Protocol):
    """As much of a consumer as pausing needs."""

    def pause(self, partitions: list[TopicPartition]) -> None:
        """These give nothing."""
        ...

    def resume(self, partitions: list[TopicPartition]) -> None:
        """These go on."""
        ...


class Pauses:
    """Which of our partitions give nothing for now. Used by the poll thread alone.

    A pause right after an assignment can overtake it and lose its offset for good, and one that
    lasts when the partition is taken away lasts when it comes back (librdkafka's issues 2190 and
    5113): a partition then stands still for ever, and nobody complains.
    """

    def __init__(self, place: Callable[[Partition], TopicPartition]) -> None:
        self._place = place
        self._paused: set[Partition] = set()
        self.silent: set[Partition] = set()
        """Assigned, and nothing has come of them since."""

    def assigned(self, partitions: Collection[Partition]) -> None:
        """These are not paused before something has come of them."""
        self.silent |= set(partitions)

    def heard(self, partitions: Collection[Partition]) -> None:
        """Something has come of these."""
        self.silent -= set(partitions)

    def end(self, consumer: Pausable, gone: Collection[Partition]) -> None:
        """These are taken away."""
        self.exactly(consumer, self._paused - set(gone))
        self.silent -= set(gone)

    def exactly(self, consumer: Pausable, wanted: Collection[Partition]) -> None:
        """Pauses these and no others."""
        paused = set(wanted) - self.silent
        if pause := paused - self._paused:
            consumer.pause([self._place(partition) for partition in pause])
        if resume := self._paused - paused:
            consumer.resume([self._place(partition) for partition in resume])
        self._paused = paused

    def also(self, consumer: Pausable, more: Collection[Partition]) -> None:
        """Pauses these too."""
        self.exactly(consumer, self._paused | set(more))
