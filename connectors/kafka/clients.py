"""How to reach Kafka: one place that turns settings into what each client library wants to hear."""

import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

LIBRDKAFKA: Final = logging.getLogger("librdkafka")
"""Where confluent-kafka's library writes, instead of to standard error."""

CALL_TIMEOUT_S: Final = 15.0
TRANSACTION_TIMEOUT_MS: Final = 10_000
STUCK_GRACE_S: Final = 2.0

QUEUED_KBYTES_MAX: Final = 16_384
"""What a step's consumer may hold ahead of its batches, and one fetch beyond it."""

FETCH_BYTES_MAX: Final = 8 << 20
PARTITION_FETCH_BYTES_MAX: Final = 256 << 10
"""As compressed; a fetch is unpacked as a whole, so what compresses well becomes large at once."""

FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED})  # noqa: SLF001  # the library's public names
"""Somebody else has our transactional id by now."""


@dataclass(frozen=True)
class Cluster:
    """A Kafka, how to speak with it, and the namespace that our names carry on it."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_ca_file: str | None = None
    ssl_certificate_file: str | None = None
    ssl_key_file: str | None = None
    namespace: str = ""
    group_protocol: str = "consumer"

    def __repr__(self) -> str:
        return f"Cluster({self.bootstrap_servers!r}, {self.security_protocol!r})"

    def named(self, name: str) -> str:
        """A topic, group or transactional id as this cluster knows it."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def catalogued(self, name: str) -> str:
        """The catalogue's name of one of our topics on this cluster."""
        return name.removeprefix(f"{self.namespace}.") if self.namespace else name

    def confluent(self) -> dict[str, str | float | bool]:
        """Settings for confluent-kafka."""
        ours = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_certificate_file,
            "ssl.key.location": self.ssl_key_file,
            "client.id": "vidette",
            "broker.address.family": "v4" if self.bootstrap_servers.startswith("127.") else None,
            "reconnect.backoff.max.ms": 2_000,
        }
        return {name: value for name, value in ours.items() if value is not None}

    def admin(self) -> AdminClient:
        """A client that looks at, and makes, topics."""
        return AdminClient(self.confluent(), logger=LIBRDKAFKA)

    def aiokafka(self) -> dict[str, object]:
        """Settings for aiokafka's clients; it must be told `read_committed` by the caller."""
        context = None
        if self.security_protocol in {"SSL", "SASL_SSL"}:
            context = ssl.create_default_context(cafile=self.ssl_ca_file)
            if self.ssl_certificate_file:
                context.load_cert_chain(self.ssl_certificate_file, self.ssl_key_file)
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism or "PLAIN",
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_context": context,
            "client_id": "vidette",
        }


def member(cluster: Cluster, group: str) -> dict[str, object]:
    """Settings for a consumer that is a step's member of this group."""
    classic = {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 1_000,
    }
    return {
        **cluster.confluent(),
        "group.id": cluster.named(group),
        "group.protocol": cluster.group_protocol,
        **(classic if cluster.group_protocol == "classic" else {}),
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": QUEUED_KBYTES_MAX,
        "fetch.max.bytes": FETCH_BYTES_MAX,
        "fetch.message.max.bytes": PARTITION_FETCH_BYTES_MAX,
        "fetch.error.backoff.ms": 100,
        "topic.metadata.refresh.interval.ms": 30_000,
    }


def bounded(call: Callable[[], None]) -> None:
    """Gives a call up that ignores its own time-out, which is then like any unclear end.

    librdkafka waits for ever when the group's coordinator went away in between (issue 5456, not
    mended in 2.16). The thread that is stuck keeps its producer, which the successor fences.
    """
    failures: list[KafkaException] = []

    def run() -> None:
        try:
            call()
        except KafkaException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="send-offsets", daemon=True)
    thread.start()
    thread.join(CALL_TIMEOUT_S + STUCK_GRACE_S)
    if thread.is_alive():
        text = "send_offsets_to_transaction is stuck"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, text))  # noqa: SLF001  # public too
    if failures:
        raise failures[0]
