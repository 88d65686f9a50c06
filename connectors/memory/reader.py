"""Readers of the log in memory: members of a group, each with leases that it believes in.

What a reader knows of its group is what it heard last. While news are on their way, or the group
takes it for dead, it is a zombie: it goes on reading, and finds out when it commits.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from connectors.memory.group import Member
from connectors.memory.log import MemoryLog
from connectors.memory.network import CALM, Network, Unclear
from streams.lanes import Batch, Encoded, Progress
from streams.projection.ports import Log
from streams.queries import Unavailable
from streams.records import Partition, Record

R = TypeVar("R")

RETRY_S: Final = 0.5
RETRY_MAX_S: Final = 5.0


class MemoryReader:
    """Reads its share of its topics; what `Lane` and `LedgerReader` have in common."""

    def __init__(
        self,
        log: MemoryLog,
        group: str,
        topics: Sequence[str],
        batch_max: int = 100,
        *,
        network: Network = CALM,
    ) -> None:
        self.log = log
        self.leases: dict[Partition, int] = {}
        self.held: frozenset[Partition] = frozenset()
        self.member = Member(self.tell)
        self.membership = 0
        """The epoch of the group that our leases are of."""
        self.transacting = asyncio.Lock()
        """A revocation waits for the open transaction."""
        self.network = network
        self.closing = False
        self._group_name = group
        self.group = log.group(group, topics)
        self._batch_max = batch_max
        self._topics = tuple(topics)
        self._positions: dict[Partition, int] = {}
        self._ended: dict[Partition, int] = {}
        self._starts: dict[Partition, Progress] = {}
        self._changed = False
        self._more = asyncio.Event()
        self._news = asyncio.Event()
        self._told = False
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Joins the group; returns with the first leases."""
        self.log.watch(self._topics, self._told_of_records)
        await self._reconcile()
        self._listening = asyncio.create_task(self._listen())

    async def take(self) -> Batch:
        """The next batch; waits for one. Opens the reader when nobody has."""
        if self._listening is None:
            await self.open()
        while True:
            self._more.clear()
            batch = self._poll()
            if batch.records or batch.ends or self._changed:
                self._changed = False
                return batch
            await self._more.wait()

    def hold(self, partitions: frozenset[Partition]) -> None:
        """Exactly these give nothing."""
        if self.held - partitions:
            self._more.set()
        self.held = partitions

    async def topic_ids(self) -> Mapping[str, str]:
        """One id per topic, made of its name."""
        return {topic: f"id-of-{topic}" for topic in self._topics}

    async def close(self) -> None:
        """Leaves; whatever is uncommitted is somebody else's."""
        self.closing = True
        if self._listening:
            self._listening.cancel()
        async with self.transacting:
            self.revoke(list(self.leases))
        await self._asked(lambda: self.group.leave(self.member))

    def cut_off(self) -> None:
        """The group takes this reader for dead, which hears nothing of it."""
        if self._listening:
            self._listening.cancel()
        self.group.leave(self.member)

    @property
    def silent_s(self) -> float:
        """It has no threads that could stop turning."""
        return 0.0

    def tell(self) -> None:
        """See `Group`: the reader shall ask what is new."""
        if not self._told:
            self._told = True
            self.network.tell(self._hear)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Ends these leases."""
        for partition in partitions:
            self.leases.pop(partition, None)
            self._positions.pop(partition, None)
            self._starts.pop(partition, None)
        self._changed = True
        self._more.set()

    def _hear(self) -> None:
        self._told = False
        self._news.set()

    async def _listen(self) -> None:
        while True:
            await self._news.wait()
            await self._reconcile()

    async def _reconcile(self) -> None:
        """Hears what the group says, lets go of what it wants back, begins what is new."""
        self._news.clear()
        heard = await self._asked(self._heartbeat)
        epoch, granted = heard or (0, frozenset())
        gone = self.leases.keys() - granted
        if gone:
            async with self.transacting:
                self.revoke(gone)
            self._news.set()  # the group shall know
        if heard is None:
            self.member = Member(self.tell)
            self._news.set()  # and join again
        starts = await self._beginnings(granted - self.leases.keys())
        for partition, start in starts.items():
            self._lease(partition, start)
        self.membership = epoch

    def _heartbeat(self) -> tuple[int, frozenset[Partition]] | None:
        return self.group.heartbeat(self.member, self.leases.keys())

    async def _beginnings(
        self, partitions: frozenset[Partition]
    ) -> Mapping[Partition, Progress | None]:
        """Where the group stands; waits until nothing about it is pending."""
        return await self.committed(partitions)

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, Progress]:
        """The group's progress; waits until nothing about it is pending."""
        while partitions:
            found = await self._asked(lambda: self.log.committed(self._group_name, partitions))
            if found is not None:
                return found
            await asyncio.sleep(RETRY_S)
        return {}

    async def _asked(self, what: Callable[[], R]) -> R:
        """The answer to a question that may be asked again."""
        pause_s = RETRY_S
        while True:
            try:
                return await self.network.call(what)
            except Unclear:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)

    def _lease(self, partition: Partition, start: Progress | None) -> None:
        self.log.leases += 1
        self.leases[partition] = self.log.leases
        self._ended.pop(partition, None)
        if start is not None:
            self._positions[partition] = start.offset
            self._starts[partition] = start
        self._changed = True
        self._more.set()

    def _told_of_records(self) -> None:
        if not self.closing and not self._more.is_set():
            self.network.tell(self._more.set)

    def _poll(self) -> Batch:
        records: list[Record] = []
        ends: dict[Partition, int] = {}
        for partition in sorted(self._positions.keys() - self.held):
            got = self.log.read(partition, self._positions[partition], self._batch_max)
            records += got
            end = self.log.stable_end(partition)
            if len(got) < self._batch_max:
                self._positions[partition] = end
                if self._ended.get(partition) != end:
                    self._ended[partition] = ends[partition] = end
            else:
                self._positions[partition] = got[-1].offset + 1
        starts, self._starts = self._starts, {}
        return Batch(records, dict(self.leases), starts, ends)


class MemoryLedgerReader(MemoryReader):
    """Twin of `GroupReader` for steps with a ledger: silent until told where to start."""

    async def start_polling(self) -> None:
        """Joins the group."""
        await self.open()

    async def _beginnings(
        self, partitions: frozenset[Partition]
    ) -> Mapping[Partition, Progress | None]:
        return dict.fromkeys(sorted(partitions))

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        """What a broker says."""
        ids = await self.topic_ids()
        return await self._asked(
            lambda: {p: Log(ids[p.topic], 0, self.log.end(p)) for p in partitions}
        )

    def start(self, partition: Partition, lease: int, offset: int) -> None:
        """Begins under a new lease."""
        if self.leases.get(partition) == lease:
            self._lease(partition, Progress(offset))

    def report(self, progress: Mapping[Partition, int]) -> None:
        """The group's progress; nobody waits for it."""
        for partition, offset in progress.items():
            if self.group.accepts(self.member, self.membership, partition):
                self.log.progress[self._group_name, partition] = Progress(offset)


class MemoryLetters:
    """Twin of `KafkaPublisher` for steps that write outside transactions."""

    def __init__(self, log: MemoryLog, network: Network = CALM) -> None:
        self._log = log
        self._network = network

    async def append(self, records: Sequence[Encoded]) -> None:
        """All of them. Raises Unavailable when that is not sure."""
        if not records:
            return
        try:
            await self._network.call(lambda: [self._log.append(record) for record in records])
        except Unclear as error:
            raise Unavailable("kafka", str(error)) from error

    async def close(self) -> None:
        """Nothing is ever under way."""
