"""How long readers of committed records wait after kill -9 in the middle of a transaction.

Ours: a worker of the same slot is started at once. Raw: nobody is, and the transaction times out.
The figure is seconds from the kill until an independent reader has got past the open transaction in
every partition; it is told by a record that somebody else wrote behind each before the kill.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from infra.bench.apart.stuck import MIDDLE
from infra.bench.events import inference, publish
from infra.bench.place import Place
from infra.bench.rounds import Bench, Run
from infra.settings import ROOT, environment
from streams.topics import AI_INFERENCES

WORKER: Final = ("infra", "worker", "--processes", "0", "--steps", "record_inference")
STUCK: Final = ("infra.bench.apart.stuck",)
BEHIND: Final = b"behind the transaction"
POLL_S: Final = 0.02
STOP_TIMEOUT_S: Final = 30.0


@contextmanager
def stall(place: Place, events: int) -> Iterator[Bench]:
    """Each run kills a worker in the middle of a transaction over so many events or more."""
    published = count(step=events)

    def measured(*, restart: bool) -> Run:
        first = next(published)
        publish(place.cluster, inference, range(first, first + events))
        return Run(_stalled_s(place, restart=restart), events)

    yield Bench(
        ours=lambda: measured(restart=True),
        raw=lambda: measured(restart=False),
        unit="s",
    )


def _stalled_s(place: Place, *, restart: bool) -> float:
    with _process(place, STUCK) as stuck:
        while stuck.stdout and MIDDLE.encode() not in stuck.stdout.readline():
            pass
        reader = _reader(place.cluster)
        _write_behind(place.cluster)
        stuck.kill()
        killed = time.monotonic()
    if restart:
        with _process(place, WORKER) as successor:
            stalled_s = _read_behind(reader) - killed
            successor.terminate()
            successor.wait(STOP_TIMEOUT_S)
    else:
        stalled_s = _read_behind(reader) - killed
    reader.close()
    return stalled_s


@contextmanager
def _process(place: Place, words: tuple[str, ...]) -> Iterator["subprocess.Popen[bytes]"]:
    with environment(place.variables()):
        process = subprocess.Popen(
            (sys.executable, "-m", *words), cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
        )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _reader(kafka: Cluster) -> Consumer:
    """Reads what comes to any partition from now on."""
    consumer = Consumer(
        kafka.confluent()
        | {
            "group.id": kafka.named("stall"),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        },
        logger=LIBRDKAFKA,
    )
    places = _places(kafka, consumer)
    for tp in places:
        tp.offset = consumer.get_watermark_offsets(tp)[1]
    consumer.assign(places)
    return consumer


def _write_behind(kafka: Cluster) -> None:
    producer = Producer(kafka.confluent(), logger=LIBRDKAFKA)
    for tp in _places(kafka, producer):
        producer.produce(tp.topic, BEHIND, partition=tp.partition)
    producer.flush()


def _read_behind(reader: Consumer) -> float:
    """When the last partition gave what is behind its transaction."""
    left = {tp.partition for tp in reader.assignment()}
    while left:
        message = reader.poll(POLL_S)
        if message and message.error() is None and message.value() == BEHIND:
            left.discard(message.partition() or 0)
    return time.monotonic()


def _places(kafka: Cluster, client: Consumer | Producer) -> list[TopicPartition]:
    topic = kafka.named(AI_INFERENCES.name)
    return [
        TopicPartition(topic, number)
        for number in client.list_topics(topic).topics[topic].partitions
    ]
