"""What benches work on: events as upstream writes them, published to a topic."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from confluent_kafka import Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from schemas.camera_events import Detection, SmartDetection
from schemas.cameras import CameraRegistered, Policy
from schemas.inferences import InferenceResult
from streams.lanes import Encoded
from streams.publishing import Upstream, record
from streams.registry import Registry

CAMERAS: Final = 64
MORNING: Final = datetime.now(UTC).replace(microsecond=0)
"""Of the first event; each later one is a millisecond on."""
SOURCE: Final = "bench"

Event = Callable[[int], Upstream]


def sighting(number: int) -> SmartDetection:
    """A camera event of about 578 bytes."""
    began = MORNING + timedelta(milliseconds=number)
    return SmartDetection(
        event_id=f"6670a1f3b2c4d5e6{number:08d}",
        source=SOURCE,
        camera_id=f"camera-{number % CAMERAS:03d}",
        timestamp=began,
        ended_at=began + timedelta(seconds=11),
        labels=("person",),
        zones=("gate",),
        detections=(Detection(label="person", confidence=0.94, box=(0.41, 0.22, 0.55, 0.81)),),
        confidence=0.94,
        clip_url=f"https://nvr.example/clips/2026/11/25/6670a1f3b2c4d5e6{number:08d}.mp4",
        snapshot_url=f"https://nvr.example/snapshots/2026/11/25/6670a1f3b2c4d5e6{number:08d}.jpg",
        metadata={"firmware": "5.0.83", "score": 94, "night": False, "recording": True},
    )


def inference(number: int) -> InferenceResult:
    """What a model found in one frame."""
    return InferenceResult(
        result_id=f"result-{number:08d}",
        source=SOURCE,
        camera_id=f"camera-{number % CAMERAS:03d}",
        timestamp=MORNING + timedelta(milliseconds=number),
        model_id="yolo11n",
        frame_id=number,
        detections=(
            Detection(label="person", confidence=0.94, box=(0.41, 0.22, 0.55, 0.81)),
            Detection(label="car", confidence=0.71, box=(0.05, 0.4, 0.33, 0.62)),
        ),
        confidence=0.94,
        metadata={"latency_ms": 11},
    )


def registry() -> Registry:
    """Every camera of the events, as the registry's topic would tell of them."""
    found = Registry()
    for number in range(CAMERAS):
        camera = CameraRegistered(
            camera_id=f"camera-{number:03d}",
            source=SOURCE,
            timestamp=datetime.now(UTC),
            name=f"Camera {number}",
            site="north",
            policy=Policy(labels=("person", "vehicle")),
        )
        found.apply(camera, number)
    return found


def publish(kafka: Cluster, event: Event, numbers: Iterable[int]) -> None:
    """Returns when the broker has the events of all these numbers."""
    produce(kafka, (record(event(number)) for number in numbers))


def bare(event: Upstream) -> Encoded:
    """The record without any header."""
    return msgspec.structs.replace(record(event), headers=())


def produce(kafka: Cluster, records: Iterable[Encoded]) -> None:
    """Returns when the broker has them."""
    producer = open_producer(kafka)
    for one in records:
        send(producer, kafka, one)
    producer.flush()


def open_producer(kafka: Cluster) -> Producer:
    """One that takes half a million records before it says no."""
    return Producer(
        kafka.confluent()
        | {
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "queue.buffering.max.messages": 500_000,
        },
        logger=LIBRDKAFKA,
    )


def send(producer: Producer, kafka: Cluster, one: Encoded) -> None:
    """Waits for room, not for the broker."""
    while True:
        try:
            producer.produce(kafka.named(one.topic), one.value, one.key, headers=list(one.headers))
        except BufferError:
            producer.poll(0.1)
        else:
            return
