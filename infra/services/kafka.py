"""An Apache Kafka node (KRaft, broker and controller in one) on loopback, from jars and a JRE.

Alone by default; several nodes with one `Quorum` are one cluster.
"""

import base64
import signal
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.services.endpoints import ServicesFailed
from infra.services.processes import OURSELVES, Children, Ending
from infra.services.record import HOST

ENDING = Ending(signal.SIGTERM, 20, orphaned=signal.SIGKILL)
"""Kafka leaves in well under a second; killed, it reads its log's end again at the next start."""

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}{listeners}
advertised.listeners=PLAINTEXT://{host}:{port}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false

# A replica on each node; few partitions of the internal topics start faster.
offsets.topic.replication.factor={nodes}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={nodes}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor={nodes}
share.coordinator.state.topic.min.isr={in_sync}

# Dead members, open transactions of killed processes and this node's own former self (it may not
# register again before) are gone in seconds, not in a minute.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=3000
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=6000
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.heartbeat.interval.ms=1000
transaction.max.timeout.ms=60000
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# Timed-out transactions are looked for every 10 s, as by default. More often, a node that starts
# again finds them while its partitions have no leader yet, and takes them for aborted without
# having written so into any (KAFKA-20734, docs/decisions/0003-exactly-once.md).
transaction.abort.timed.out.transaction.cleanup.interval.ms=10000

# Its default of 128 MB comes out of a heap of 1 GB.
log.cleaner.dedupe.buffer.size=33554432
"""

LOGGING = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %m (%c{{1}})%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""


@dataclass(frozen=True)
class Quorum:
    """What the nodes of one cluster know of each other."""

    cluster: str
    """The cluster's id, 22 characters of base64; each node's storage is formatted with it."""
    controllers: tuple[int, ...]
    """Ports of the nodes' controllers: the first is node 1's."""


@dataclass(frozen=True)
class Detour:
    """One more listener, whose clients are told to come through another port: a proxy's."""

    port: int
    advertised_port: int


@dataclass(frozen=True)
class Kafka:
    """Where this node lives and answers; `home` holds its settings, its log and its data."""

    home: Path
    java: Path
    jars: str
    port: int
    controller_port: int
    quorum: Quorum | None = None
    """Without one, the node is the whole cluster."""
    java_options: tuple[str, ...] = ("-Xms256m", "-Xmx1g")
    detour: Detour | None = None

    name = "Apache Kafka"
    identity = OURSELVES
    ending = ending_of_strays = ENDING

    @property
    def log(self) -> Path:
        """What to read when it doesn't start."""
        return self.home / "kafka.log"

    def prepare(self, children: Children) -> None:
        """Writes its settings and, once, formats its storage; raises `ServicesFailed`."""
        for folder in (self.home, self.home / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        for left in (self.home / "tmp").iterdir():
            left.unlink()  # Native libraries that a killed node unpacked.
        (self.home / "log4j2.properties").write_text(LOGGING.format(log=self.log))
        self._write_properties(self._properties, data=self.home / "data")
        if not (self.home / "data" / "meta.properties").exists():
            self._format(children)

    def command(self) -> Sequence[str | Path]:
        """What runs it."""
        return (
            *self._java(*self.java_options, "-XX:+ExitOnOutOfMemoryError"),
            f"-Dlog4j2.configurationFile={self.home / 'log4j2.properties'}",
            "kafka.Kafka",
            self._properties,
        )

    def owns(self, words: Sequence[str], _folder: Path | None) -> bool:
        """Whether a process is this node, started by whomever."""
        return "kafka.Kafka" in words and str(self._properties) in words

    def answers(self, _pid: int) -> bool:
        """Whether it leads and serves clients, asked as a client."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - only now: importing it takes long
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - likewise

        client = AdminClient({"bootstrap.servers": f"{HOST}:{self.port}", "log_level": 0})
        try:
            return bool(client.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    @property
    def _properties(self) -> Path:
        return self.home / "server.properties"

    def _java(self, *options: str) -> tuple[str | Path, ...]:
        return (
            self.java,
            *options,
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={self.home / 'tmp'}",  # /tmp may forbid to run what is unpacked.
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            self.jars,
        )

    def _write_properties(self, file: Path, *, data: Path) -> None:
        controllers = self.quorum.controllers if self.quorum else (self.controller_port,)
        words = {
            "host": HOST,
            "data": data,
            "port": self.port,
            "controller_port": self.controller_port,
            "node": controllers.index(self.controller_port) + 1,
            "voters": ",".join(f"{n}@{HOST}:{port}" for n, port in enumerate(controllers, 1)),
            "nodes": len(controllers),
            "in_sync": len(controllers) // 2 + 1,
            "listeners": f",DETOUR://{HOST}:{self.detour.port}" if self.detour else "",
            "advertised": f",DETOUR://{HOST}:{self.detour.advertised_port}" if self.detour else "",
        }
        file.write_text(PROPERTIES.format(**words))

    def _format(self, children: Children) -> None:
        """Formats beside the place and moves: an interrupted format leaves nothing half-done."""
        fresh, settings = self.home / f"data.{time.time_ns()}", self.home / "format.properties"
        self._write_properties(settings, data=fresh)
        cluster = self.quorum.cluster if self.quorum else fresh_cluster_id()
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings)
        status, said = children.run((*self._java("-Xmx256m", "-XX:TieredStopAtLevel=1"), *tool))
        if status:
            text = f"formatting Kafka's storage in {self.home} failed: {said.strip()[-500:]}"
            raise ServicesFailed(text)
        fresh.rename(self.home / "data")


def fresh_cluster_id() -> str:
    """As Kafka makes them, but for dashes: it may not begin with one."""
    random = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()
    return random.rstrip("=").replace("-", "a")
