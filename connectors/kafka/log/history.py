"""Reads topics from some offset to some other, all partitions, in no group: for folding anew."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from connectors.kafka.backlog import Portion
from connectors.kafka.clients import LIBRDKAFKA, Cluster
from connectors.kafka.messages import (
    NOT_IN_THE_LOG,
    PARTITION_EOF,
    gathered,
    late_record_of,
    weight_of_headers,
)
from connectors.kafka.offsets import REQUEST_TIMEOUT_S, bounds, described
from streams.projection.ports import Log
from streams.records import Partition, Record
from streams.topics import FROM_OUTSIDE

RETRY_S: Final = 0.2
BATCH_MAX: Final = 4_000

PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
"""A topic that was just made, or whose leader just changed, answers so for a moment."""


class History:
    """Topics by their catalogue names. Every method raises KafkaException.

    Committed records, up to the oldest open transaction; unless `committed` is False: then all that
    brokers have, also what was aborted.
    """

    def __init__(self, cluster: Cluster, topics: Iterable[str], *, committed: bool = True) -> None:
        self._cluster = cluster
        self._isolation = (
            IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        )
        self._topics = tuple(topics)
        self._outside = frozenset(cluster.named(t) for t in self._topics if t in FROM_OUTSIDE)

    async def logs(self, *, open_too: bool = False) -> dict[Partition, Log]:
        """Every partition: the topic's id, its first offset, the one after the last that is read.

        With `open_too` ends count what open transactions wrote: reading up to them waits for those.
        """
        counting = IsolationLevel.READ_UNCOMMITTED if open_too else self._isolation
        ends = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                return await asyncio.to_thread(self._logs, counting)
            except KafkaException as error:
                if error.args[0].code() not in PASSING or time.monotonic() > ends:
                    raise
                await asyncio.sleep(RETRY_S)

    def _logs(self, counting: IsolationLevel) -> dict[Partition, Log]:
        made = described(self._cluster, self._topics).values()
        ids = {partition: topic.topic_id for topic in made for partition in topic.partitions}
        found = bounds(self._cluster, ids, counting)
        return {partition: Log(ids[partition], *found[partition]) for partition in ids}

    async def read(self, spans: Mapping[Partition, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        """All records from the first offset of a span up to, without, its second one."""
        ends = {partition: end for partition, (first, end) in spans.items() if first < end}
        if not ends:
            return
        consumer = Consumer(self._settings(), logger=LIBRDKAFKA)
        consumer.assign([self._place(part, spans[part][0]) for part in ends])
        portion = Portion()
        polling = asyncio.create_task(self._polled(consumer, portion))
        try:
            while ends:
                records = self._taken(consumer, await polling, ends)
                if ends:
                    polling = asyncio.create_task(self._polled(consumer, portion))  # meanwhile
                if records:
                    yield records
        finally:
            await asyncio.wait((polling,))
            await asyncio.to_thread(consumer.close)

    async def _polled(self, consumer: Consumer, portion: Portion) -> list[Message]:
        return await asyncio.to_thread(self._gathered, consumer, portion)

    def _gathered(self, consumer: Consumer, portion: Portion) -> list[Message]:
        """A batch of bounded weight."""
        taken: list[Message] = []
        portion.begin(BATCH_MAX)
        for messages in gathered(consumer, portion):
            portion.came(len(messages), sum(map(self._weight, messages)))
            taken += messages
        return taken

    def _weight(self, message: Message) -> int:
        """Those who write what we don't are not trusted with their headers."""
        weight = len(message.value() or b"") + len(message.key() or b"")
        outside = message.topic() in self._outside and message.error() is None
        return weight + (weight_of_headers(message) if outside else 0)

    def _taken(
        self, consumer: Consumer, messages: list[Message], ends: dict[Partition, int]
    ) -> list[Record]:
        """The records within the spans; partitions that are through leave `ends`."""
        records: list[Record] = []
        for message in messages:
            topic = self._cluster.catalogued(message.topic() or "")
            partition = Partition(topic, message.partition() or 0)
            offset = message.offset() or 0
            if partition not in ends:
                continue
            error = message.error()
            if error is None and offset < ends[partition]:
                records.append(late_record_of(partition, message)[0])
                offset += 1
            elif error is not None and error.code() != PARTITION_EOF:
                _raise_unless_passing(error)
                continue
            if offset >= ends[partition]:
                del ends[partition]
                consumer.incremental_unassign([self._place(partition)])
        return records

    def _place(self, partition: Partition, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._cluster.named(partition.topic), partition.number, offset)

    def _settings(self) -> dict[str, object]:
        return {
            **self._cluster.confluent(),
            "group.id": self._cluster.named("rebuild"),  # never joined: partitions are assigned
            "isolation.level": self._isolation.name.lower(),
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
        }


def _raise_unless_passing(error: KafkaError) -> None:
    """Brokers come and go; only what would leave a hole, or can't pass, ends the reading."""
    if error.fatal() or error.code() == NOT_IN_THE_LOG:
        raise KafkaException(error)
