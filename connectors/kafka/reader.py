"""A step's consumer: whole batches from a poll thread, wishes to it, and what the broker knows."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

import structlog
from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition

from connectors.kafka.clients import CALL_TIMEOUT_S, LIBRDKAFKA, Cluster
from connectors.kafka.offsets import bounds, described
from connectors.kafka.ownership import Ownership
from connectors.kafka.polling import LogLost, Polling, Subscription
from streams.lanes import Batch, Progress
from streams.projection.ports import Log
from streams.records import Partition

log = structlog.get_logger(__name__)

R = TypeVar("R")

RETRY_S: Final = 1.0
LOOK_S: Final = 10.0
"""Between two looks at the topics' ids, where nobody else tells that they have changed."""


class GroupReader:
    """Implements `streams.lanes.Reader` and `LedgerReader` with confluent-kafka."""

    def __init__(
        self,
        cluster: Cluster,
        subscription: Subscription,
        lag: Callable[[Partition, int], None],
        look_s: float = LOOK_S,
    ) -> None:
        self._cluster = cluster
        self._topics, self._group = subscription.topics, subscription.group
        self._polling = Polling(cluster, subscription, lag)
        self._look_s = look_s
        self._ids: Mapping[str, str] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def ownership(self) -> Ownership:
        """What a transaction must look at."""
        return self._polling.ownership

    @property
    def silent_s(self) -> float:
        """For how long the poll thread has not turned; 0 before it starts and when it has ended."""
        return self._polling.silent_s

    async def start_polling(self) -> None:
        """Joins the group. Raises KafkaException when the topics can't be described."""
        self._ids = await asyncio.to_thread(self._describe)
        self._polling.thread.start()
        if self._cluster.group_protocol == "classic":
            self._looking = asyncio.create_task(self._look())

    async def take(self) -> Batch:
        """The next batch. Raises what ended the poll thread, and LogLost for a topic made anew."""
        return await self._polling.backlog.take()

    def hold(self, partitions: frozenset[Partition]) -> None:
        """The poll thread pauses exactly these, on its next round."""
        self._polling.held = partitions

    def start(self, partition: Partition, lease: int, offset: int) -> None:
        """The poll thread seeks there, if the lease still stands."""
        self._polling.told.append((partition, lease, offset))

    def report(self, progress: Mapping[Partition, int]) -> None:
        """Committed without waiting, on the poll thread's next round."""
        self._polling.reported.update(progress)

    async def close(self) -> None:
        """Leaves the group; returns when the thread has ended."""
        if self._looking:
            self._looking.cancel()
        self._polling.backlog.stop()
        if self._polling.thread.is_alive():
            await asyncio.to_thread(self._polling.thread.join)

    async def topic_ids(self) -> Mapping[str, str]:
        """Ids of the subscribed topics as of now; waits until the broker tells."""
        self._ids = await self._told(self._describe)
        return self._ids

    async def logs(self, partitions: Collection[Partition]) -> Mapping[Partition, Log]:
        """First offset and end of each, and the topic's id; waits until the broker tells."""
        return await self._told(lambda: self._bounds(tuple(partitions)))

    async def _told(self, ask: Callable[[], R]) -> R:
        while True:
            try:
                return await asyncio.to_thread(ask)
            except (KafkaException, TimeoutError) as error:
                log.warning("kafka.describe", group=self._group, error=str(error))
                await asyncio.sleep(RETRY_S)

    async def _look(self) -> None:
        """Whether a topic was made anew while we read it; what is seen twice is no rebalance late.

        With the group protocol `consumer` the broker assigns the new one. With `classic` nobody
        does: reading goes on in the middle of it, as if it were the old one.
        """
        seen: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(self._look_s)
            try:
                now = await asyncio.to_thread(self._describe)
            except (KafkaException, TimeoutError):
                continue
            others = frozenset(name for name, id_ in now.items() if self._ids.get(name) != id_)
            for name in sorted(seen & others):
                text = f"{name} was made anew while it was read; see docs/runbook.md"
                self._polling.backlog.fail(LogLost(text))
                self._polling.backlog.stop()
                return
            seen = others

    def _describe(self) -> dict[str, str]:
        made = described(self._cluster, self._topics)
        return {name: topic.topic_id for name, topic in made.items()}

    def _bounds(self, partitions: tuple[Partition, ...]) -> dict[Partition, Log]:
        """The ids are asked for each time: a topic may be made anew while we read it."""
        found = bounds(self._cluster, partitions, IsolationLevel.READ_UNCOMMITTED)
        ids = self._describe()
        return {p: Log(ids[p.topic], *found[p]) for p in partitions}


def committed(
    cluster: Cluster,
    group: str,
    partitions: Collection[Partition],
    stopped: Callable[[], bool],
) -> dict[Partition, Progress]:
    """A group's progress; waits until nothing about it is pending. Nothing when `stopped`."""
    settings = cluster.confluent() | {
        "group.id": cluster.named(group),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
    }
    consumer = Consumer(settings, logger=LIBRDKAFKA)
    asked = [TopicPartition(cluster.named(p.topic), p.number) for p in partitions]
    try:
        while not stopped():
            try:
                answers = consumer.committed(asked, CALL_TIMEOUT_S)
            except KafkaException as error:
                log.warning("kafka.committed", group=group, error=error.args[0].str())
                continue
            if all(answer.error is None for answer in answers):
                return {
                    Partition(cluster.catalogued(a.topic), a.partition): Progress(
                        a.offset, a.metadata or ""
                    )
                    for a in answers
                }
        return {}
    finally:
        consumer.close()
