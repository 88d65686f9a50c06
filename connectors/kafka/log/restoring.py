"""An archive back into empty topics: same partitions, same order, same bytes, same times.

Our topics are dated by the broker. While the records are written they carry the times of the
archive, or every row made from them would say that it was recorded today.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    KafkaException,
    Message,
    Producer,
)

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from connectors.kafka.topics import apply
from streams.records import Record
from streams.topic_plan import Alter

DATED_BY: Final = "message.timestamp.type"
BY_BROKER: Final = "LogAppendTime"
BY_PRODUCER: Final = "CreateTime"
FLUSH_S: Final = 60.0
DATED_BY_BROKER: Final = (
    "a broker dated a record itself, so rows would say it was recorded today: restore again, under "
    "a VIDETTE_NAMESPACE that was never used"
)

Report = Callable[[KafkaError | None, Message], None]


def restore(cluster: Cluster, topics: Collection[str], records: Iterable[Record]) -> int:
    """Writes the records; how many. Raises KafkaException, and what `records` raises."""
    failed: list[KafkaError] = []

    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)
        elif message.timestamp()[0] == TIMESTAMP_LOG_APPEND_TIME:
            failed.append(KafkaError(KafkaError.INVALID_TIMESTAMP, DATED_BY_BROKER))

    producer = Producer(
        cluster.confluent() | {"enable.idempotence": True, "linger.ms": 20, "acks": "all"},
        logger=LIBRDKAFKA,
    )
    written = 0
    with _dated_by_the_archive(cluster, topics):
        for record in records:
            _produce(producer, cluster.named(record.partition.topic), record, report)
            written += 1
            if failed:
                break
        left = producer.flush(FLUSH_S)
    if failed:
        raise KafkaException(failed[0])
    if left:
        text = f"{left} records were not acknowledged within {FLUSH_S:g} s"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, text))  # noqa: SLF001  # a public name
    return written


def _produce(producer: Producer, topic: str, record: Record, report: Report) -> None:
    while True:
        try:
            producer.produce(
                topic,
                record.value,
                record.key,
                record.partition.number,
                headers=list(record.headers),
                timestamp=record.timestamp_ms,
                on_delivery=report,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


@contextmanager
def _dated_by_the_archive(cluster: Cluster, topics: Collection[str]) -> Iterator[None]:
    _date(cluster, topics, BY_PRODUCER)
    try:
        yield
    finally:
        _date(cluster, topics, BY_BROKER)


def _date(cluster: Cluster, topics: Collection[str], by: str) -> None:
    apply(cluster, [Alter(topic, {DATED_BY: by}, {}) for topic in topics])
