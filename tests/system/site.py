"""A site under test: its namespace on Kafka, its database, its folder, and a worker's environment.

Everything that a test may look at is asked here, from outside: SQL, Kafka's own clients.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Place

from connectors.kafka.clients import Cluster
from connectors.kafka.log.dead_letters import DeadLetters
from connectors.media.folder import FolderStore
from infra.settings import KEYS, variable
from infra.topology import STEPS, reads
from streams.dead_letters import DeadLetter
from streams.poison.redriving import Redriven
from tests.embedded import Database, finish

UNKNOWN = 1_000_000
"""The lag while the broker can't say, such as right after its start."""


@dataclass(frozen=True)
class Row:
    """What `ai_events` says of one outcome."""

    id: UUID
    event_id: UUID
    outcome: str
    reason: str | None
    clip_failure: str | None
    provider: str | None
    registered: bool


@dataclass(frozen=True)
class Taken:
    """A committed record."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Site:
    """Nobody else's."""

    cluster: Cluster
    database: Database
    folder: Path

    @property
    def clips(self) -> Path:
        """The one folder that clips may be read from."""
        return self.folder / "clips"

    @property
    def letters(self) -> DeadLetters:
        """The dead letters, with the worker's media store."""
        return DeadLetters(self.cluster, FolderStore(self.folder / "media"))

    def environment(self, **settings: str) -> dict[str, str]:
        """Of a process of ours on this site; settings of whoever runs the tests are left out."""
        ours = {
            "folder": str(self.folder),
            "kafka_bootstrap_servers": self.cluster.bootstrap_servers,
            "namespace": self.cluster.namespace,
            "database_url": self.database.url,
            "database_admin_url": self.database.admin_url,
            "clip_folders": str(self.clips),
            "clip_private_hosts": "127.0.0.1",
            "metrics_port": "0",
        }
        keys = {variable(name) for name in KEYS}
        theirs = {
            k: v for k, v in os.environ.items() if not k.startswith("VIDETTE_") and k not in keys
        }
        return theirs | {variable(k): v for k, v in (ours | settings).items()}

    def rows(self) -> list[Row]:
        """Every outcome in the read model."""
        return finish(_rows(self.database.url))

    def has_rows(self, outcomes: Collection[UUID]) -> bool:
        """Whether the read model has all of these outcomes."""
        return finish(_count(self.database.url, outcomes)) == len(outcomes)

    def open_letters(self) -> list[DeadLetter]:
        """Every dead letter that nobody has redriven."""
        return [letter for letter in self.all_letters() if not letter.redriven]

    def all_letters(self) -> tuple[DeadLetter, ...]:
        """Every dead letter."""
        return finish(self.letters.all())

    def content(self, letter: DeadLetter) -> bytes | None:
        """The value that a letter is about."""
        return finish(self.letters.content(letter))[1]

    def redrive(
        self, ids: Collection[UUID], corrected: Mapping[UUID, bytes] | None = None
    ) -> Redriven:
        """As the command does."""
        return finish(self.letters.redrive(ids, corrected=corrected))

    def unfinished(self) -> list[str]:
        """Steps of the records that were under way when a worker died, and are not finished yet."""
        return finish(_unfinished(self.database.url))

    def taken(self, topic: str) -> list[Taken]:
        """Every committed record of a topic, as a client that isn't ours reads it."""
        return finish(_taken(self.cluster, topic))

    def lag(self, steps: Collection[str] = STEPS) -> dict[str, int]:
        """Of each step: offsets of its topics that its group has not committed.

        Steps are asked from first to last, so 0 everywhere means that nothing is under way.
        """
        return {step: self._lag(step, topics) for step, topics in reads().items() if step in steps}

    def _lag(self, step: str, topics: tuple[str, ...]) -> int:
        consumer = Consumer(
            {
                "bootstrap.servers": self.cluster.bootstrap_servers,
                "group.id": self.cluster.named(step),
                "isolation.level": "read_uncommitted",
                "enable.auto.commit": False,
            }
        )
        try:
            names = [self.cluster.named(topic) for topic in topics]
            found = consumer.list_topics(timeout=10).topics
            places = [Place(name, number) for name in names for number in found[name].partitions]
            ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
            committed = [max(0, place.offset) for place in consumer.committed(places, timeout=10)]
            return sum(ends) - sum(committed)
        except KafkaException:
            return UNKNOWN
        finally:
            consumer.close()


async def _rows(url: str) -> list[Row]:
    connection = await asyncpg.connect(url, server_settings={"search_path": "read_model"})
    try:
        found = await connection.fetch(
            "select a.id, event_id, outcome, reason, event_metadata->>'clip_failure' as failure, "
            "provider_used, d.registered from ai_events a join devices d on d.id = a.camera_id"
        )
    finally:
        await connection.close()
    return [Row(*record) for record in found]


async def _count(url: str, outcomes: Collection[UUID]) -> int:
    connection = await asyncpg.connect(url, server_settings={"search_path": "read_model"})
    try:
        counting = "select count(distinct id) from ai_events where id = any($1)"
        return int(await connection.fetchval(counting, list(outcomes)))
    finally:
        await connection.close()


async def _unfinished(url: str) -> list[str]:
    connection = await asyncpg.connect(url, server_settings={"search_path": "operation"})
    try:
        return [row["step"] for row in await connection.fetch("select step from unfinished_starts")]
    finally:
        await connection.close()


async def _taken(cluster: Cluster, topic: str) -> list[Taken]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        name = cluster.named(topic)
        await consumer._client.set_topics([name])  # noqa: SLF001  # no public way without a group
        places = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        taken: list[Taken] = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                batches = await consumer.getmany(timeout_ms=200)
                taken += [
                    Taken(record.key, record.value, tuple(record.headers))
                    for records in batches.values()
                    for record in records
                ]
        return taken
    finally:
        await consumer.stop()
