"""Broken parts, each of which the account must find: proof that it can fail."""

from collections.abc import Mapping
from typing import Final

from connectors.memory.group import Member
from connectors.memory.lane import MemoryLane
from connectors.memory.log import Fenced, MemoryLog, Producer, Refused, Transaction
from connectors.memory.network import Unclear
from connectors.memory.read_model import Store
from streams.lanes import Batch, Progress, Work
from streams.projection.ports import Move
from streams.records import Partition
from tests.simulation.history import Parts


class CommitsBeforeWork(MemoryLane):
    """As a consumer with auto-commit does."""

    async def take(self) -> Batch:
        batch = await super().take()
        for record in batch.records:
            key = self._group_name, record.partition
            self.log.progress[key] = Progress(record.offset + 1)
        return batch


class IgnoresTheBitmap(MemoryLane):
    """What is finished beyond the prefix is done again."""

    def _lease(self, partition: Partition, start: Progress | None) -> None:
        super()._lease(partition, Progress(start.offset) if start else None)


class SpeaksForAll(MemoryLane):
    """One partition's equal progress is taken for the whole transaction's; ours did so once."""

    async def _clarify(
        self,
        producer: Producer,
        failure: Fenced | Refused | Unclear,
        work: Work,
        ours: frozenset[Partition],
    ) -> frozenset[Partition]:
        return ours if await super()._clarify(producer, failure, work, ours) else frozenset()


class Doubts(MemoryLane):
    """Whatever is unclear is done again."""

    async def _clarify(
        self,
        producer: Producer,
        failure: Fenced | Refused | Unclear,
        work: Work,
        ours: frozenset[Partition],
    ) -> frozenset[Partition]:
        await super()._clarify(producer, failure, work, ours)
        return frozenset()


class KeepsItsProducer(MemoryLane):
    """After an unclear end it goes on with the same producer; what is late meets what is next."""

    async def _clarify(
        self,
        producer: Producer,
        failure: Fenced | Refused | Unclear,
        work: Work,
        ours: frozenset[Partition],
    ) -> frozenset[Partition]:
        if not isinstance(failure, Unclear):
            return await super()._clarify(producer, failure, work, ours)
        found = await self._asked(lambda: self.log.progress)
        return frozenset(p for p in ours if found.get((self._group_name, p)) == work.progress[p])


class TakesOffsetsFromAnybody(MemoryLog):
    """Nobody compares who owns the partition: what refreshed metadata amounted to."""

    def offer(
        self,
        producer: Producer,
        group: str,
        member: tuple[Member, int],
        progress: Mapping[Partition, Progress],
    ) -> None:
        del member
        transaction = self._transaction(producer)
        transaction.progress.update({(group, p): reached for p, reached in progress.items()})


class NotAtomic(MemoryLog):
    """Offsets are there before their transaction has ended."""

    def offer(
        self,
        producer: Producer,
        group: str,
        member: tuple[Member, int],
        progress: Mapping[Partition, Progress],
    ) -> None:
        super().offer(producer, group, member, progress)
        self.progress.update({(group, p): reached for p, reached in progress.items()})


class ShowsTheAborted(MemoryLog):
    """Readers see records of transactions that were aborted."""

    def _end(self, transaction: Transaction, *, commit: bool) -> None:
        super()._end(Transaction(transaction.written), commit=True)
        if commit:
            self.progress.update(transaction.progress)
        if transaction.limit:
            transaction.limit.cancel()


class ComparesNothing(Store):
    """A ledger that is set and never compared."""

    def move(self, moves: Mapping[Partition, Move], epochs: Mapping[Partition, int]) -> None:
        del epochs
        compared = {p: Move(self.ledger[p].next, move.next) for p, move in moves.items()}
        super().move(compared, {p: self.ledger[p].epoch for p in moves})


MUTATIONS: Final[Mapping[str, Parts]] = {
    "commits before work": Parts(lane=CommitsBeforeWork),
    "ignores the bitmap": Parts(lane=IgnoresTheBitmap),
    "one partition speaks for all": Parts(lane=SpeaksForAll),
    "doubts what is unclear": Parts(lane=Doubts),
    "keeps its producer": Parts(lane=KeepsItsProducer),
    "offsets from anybody": Parts(log=TakesOffsetsFromAnybody),
    "transactions are not atomic": Parts(log=NotAtomic),
    "aborted records are shown": Parts(log=ShowsTheAborted),
    "a ledger without compare-and-set": Parts(store=ComparesNothing),
}
