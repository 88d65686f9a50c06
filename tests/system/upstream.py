"""A careless upstream: publishes any bytes, whatever they are, and remembers where they went."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from schemas.camera_events import SmartDetection
from schemas.codec import encode
from streams.records import Headers, Partition

NOON: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def sighting(camera: str, event: str, clip_url: str | None = None) -> SmartDetection:
    """Somebody is seen by a camera that nobody registered."""
    return SmartDetection(
        event_id=event,
        source="careless",
        camera_id=camera,
        timestamp=NOON,
        labels=("person",),
        clip_url=clip_url,
    )


@dataclass
class Upstream:
    """One producer that compresses and has no limits of its own; order is kept."""

    cluster: Cluster
    compression: str = "gzip"
    places: dict[str, tuple[Partition, int]] = field(default_factory=dict)
    """Where each named record went."""
    errors: list[KafkaError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": self.cluster.bootstrap_servers,
                "compression.type": self.compression,
                "message.max.bytes": 10_000_000,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
            },
            logger=LIBRDKAFKA,
        )

    def event(self, event: SmartDetection, headers: Headers = ()) -> None:
        """A camera event, known by its id."""
        self.send(event.event_id, "camera.events.v1", event.camera_id, encode(event), headers)

    def send(
        self,
        name: str,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> None:
        """Any bytes."""

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            if error is None:
                partition = Partition(topic, message.partition() or 0)
                self.places[name] = (partition, message.offset() or 0)
            else:
                self.errors.append(error)

        self._producer.produce(
            self.cluster.named(topic), value, key, headers=list(headers), on_delivery=acknowledged
        )

    def flush(self) -> None:
        """Returns when the broker has everything. Raises KafkaException."""
        self._producer.flush()
        if self.errors:
            raise KafkaException(self.errors[0])
