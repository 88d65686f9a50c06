"""What is left to do: offsets of each step's topics that its group has not committed."""

from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from infra.topology import reads

ANSWER_MAX_S: Final = 5.0


@dataclass(frozen=True)
class Lags:
    """Asks the broker itself, not by way of the proxy."""

    cluster: Cluster

    def now(self) -> dict[str, int] | None:
        """Of each step; None while the broker can't say.

        Steps are asked from first to last: with nothing being published, 0 everywhere means that
        nothing is under way.
        """
        try:
            return {step: self._of(step, topics) for step, topics in reads().items()}
        except KafkaException:
            return None

    def _of(self, step: str, topics: tuple[str, ...]) -> int:
        consumer = Consumer(
            self.cluster.confluent()
            | {
                "group.id": self.cluster.named(step),  # asked about and never joined
                "isolation.level": "read_uncommitted",
                "enable.auto.commit": False,
            },
            logger=LIBRDKAFKA,
        )
        try:
            names = [self.cluster.named(topic) for topic in topics]
            found = consumer.list_topics(timeout=ANSWER_MAX_S).topics
            places = [TopicPartition(name, n) for name in names for n in found[name].partitions]
            ends = sum(self._end(consumer, place) for place in places)
            committed = consumer.committed(places, timeout=ANSWER_MAX_S)
            return ends - sum(max(0, place.offset) for place in committed)
        finally:
            consumer.close()

    @staticmethod
    def _end(consumer: Consumer, place: TopicPartition) -> int:
        _, end = consumer.get_watermark_offsets(place, timeout=ANSWER_MAX_S)
        return end
