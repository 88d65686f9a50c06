"""A lane in memory: the same rules as `connectors.kafka.lane`, against the log in memory.

After an end that is unclear nothing of the producer is kept: its successor ends what was left open,
then the committed progress tells whether the transaction is in the log.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Final

from connectors.memory.log import Fenced, MemoryLog, Producer, Refused
from connectors.memory.network import CALM, Network, Unclear
from connectors.memory.reader import RETRY_S, MemoryReader
from streams.lanes import Progress, Work
from streams.records import Partition

_numbers: Final = count()


class MemoryLane(MemoryReader):
    """Twin of `KafkaLane`; without a `transactional_id` it has one of its own."""

    def __init__(
        self,
        log: MemoryLog,
        group: str,
        topics: Sequence[str],
        batch_max: int = 100,
        *,
        network: Network = CALM,
        transactional_id: str | None = None,
    ) -> None:
        super().__init__(log, group, topics, batch_max, network=network)
        self._name = transactional_id or f"{group}-nobody-else-{next(_numbers)}"
        self._thread = asyncio.Lock()
        self._commits: set[asyncio.Task[frozenset[Partition]]] = set()
        self.producer: Producer | None = None

    async def open(self) -> None:
        """Ends what a predecessor left open, then joins the group."""
        await self._ready_producer()
        await super().open()

    async def commit(self, work: Work) -> frozenset[Partition]:
        """One transaction; who is cancelled while waiting for it does not stop it."""
        task = asyncio.create_task(self._commit(work))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Leaves the group; an unfinished commit gives up."""
        await super().close()
        while self._commits:
            await asyncio.wait(list(self._commits))

    async def _commit(self, work: Work) -> frozenset[Partition]:
        there: frozenset[Partition] = frozenset()
        async with self._thread:
            while not self.closing:
                producer = await self._ready_producer()
                async with self.transacting:
                    ours = self.still_ours(work) - there
                    if not ours:
                        return there
                    try:
                        await self._transact(producer, work, ours)
                    except (Fenced, Refused, Unclear) as error:
                        failure = error
                    else:
                        return there | ours
                there |= await self._clarify(producer, failure, work, ours)
                await asyncio.sleep(RETRY_S)
            return there

    def still_ours(self, work: Work) -> frozenset[Partition]:
        """Of the work's partitions those under the leases of that time."""
        return frozenset(p for p in work.progress if self.leases.get(p) == work.leases.get(p, -1))

    async def _transact(self, producer: Producer, work: Work, ours: frozenset[Partition]) -> None:
        outputs = [output for p in sorted(ours) for output in work.outputs.get(p, ())]
        progress = {p: work.progress[p] for p in sorted(ours)}
        if outputs:
            await self.network.call(lambda: self.log.produce(producer, outputs))
        await self._offer(producer, progress)
        await self.network.call(lambda: self.log.finish(producer, commit=True))

    async def _offer(self, producer: Producer, progress: dict[Partition, Progress]) -> None:
        member = self.member, self.membership  # as of our leases, never a fresh one
        await self.network.call(
            lambda: self.log.offer(producer, self._group_name, member, progress)
        )

    async def _clarify(
        self,
        producer: Producer,
        failure: Fenced | Refused | Unclear,
        work: Work,
        ours: frozenset[Partition],
    ) -> frozenset[Partition]:
        """After a failure: the partitions whose work is in the log after all."""
        if isinstance(failure, Refused):
            try:
                await self.network.call(lambda: self.log.finish(producer, commit=False))
            except (Fenced, Unclear):
                pass
            else:
                return frozenset()
        self.producer = None
        await self._ready_producer()
        found = await self.committed(ours)
        return frozenset(p for p in ours if found.get(p) == work.progress[p])

    async def _ready_producer(self) -> Producer:
        if self.producer is None:
            self.producer = await self._asked(lambda: self.log.initialise(self._name))
        return self.producer
