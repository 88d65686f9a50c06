"""What a broker knows of topics: their ids, their partitions, where these begin and end."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from confluent_kafka import IsolationLevel, TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from connectors.kafka.clients import Cluster
from streams.records import Partition

REQUEST_TIMEOUT_S: Final = 30.0


class Made(NamedTuple):
    """A topic as it was made: one that was deleted and made again has another id."""

    topic_id: str
    partitions: tuple[Partition, ...]


class Bounds(NamedTuple):
    """The first offset, and the one after the last."""

    first: int
    end: int


def described(cluster: Cluster, topics: Collection[str]) -> dict[str, Made]:
    """Topics by their catalogue names. Raises KafkaException."""
    names = TopicCollection([cluster.named(topic) for topic in topics])
    admin = cluster.admin()  # must outlive its answers
    found = {
        cluster.catalogued(name): future.result()
        for name, future in admin.describe_topics(names, request_timeout=REQUEST_TIMEOUT_S).items()
    }
    return {
        name: Made(
            str(topic.topic_id), tuple(Partition(name, part.id) for part in topic.partitions)
        )
        for name, topic in found.items()
    }


def bounds(
    cluster: Cluster, partitions: Collection[Partition], isolation: IsolationLevel
) -> dict[Partition, Bounds]:
    """Of committed records, or counting what open transactions wrote.

    Raises KafkaException, TimeoutError.
    """
    places = {p: TopicPartition(cluster.named(p.topic), p.number) for p in partitions}
    earliest: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # theirs
    latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise
    admin = cluster.admin()  # must outlive its answers
    first = admin.list_offsets(dict.fromkeys(places.values(), earliest))
    end = admin.list_offsets(dict.fromkeys(places.values(), latest), isolation_level=isolation)
    return {
        partition: Bounds(
            int(first[place].result(REQUEST_TIMEOUT_S).offset),
            int(end[place].result(REQUEST_TIMEOUT_S).offset),
        )
        for partition, place in places.items()
    }


def since(
    cluster: Cluster, partitions: Collection[Partition], moment: datetime
) -> dict[Partition, int | None]:
    """The first offset written at this time or later; None where there is none so far.

    Raises KafkaException, TimeoutError.
    """
    places = {p: TopicPartition(cluster.named(p.topic), p.number) for p in partitions}
    at = OffsetSpec.for_timestamp(int(moment.timestamp() * 1000))
    admin = cluster.admin()  # must outlive its answers
    asked = admin.list_offsets(dict.fromkeys(places.values(), at)) if places else {}
    found = {p: int(asked[place].result(REQUEST_TIMEOUT_S).offset) for p, place in places.items()}
    return {p: offset if offset >= 0 else None for p, offset in found.items()}
