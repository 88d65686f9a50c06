"""The plain loop that `transform` and `end-to-end` are compared with: the client library alone.

At least once: consume, decode into the same typed event, wrap it in the same output, produce,
flush, commit. No transaction, no headers, no ids of its own, no check but the decoder's; one
thread. It writes the same values as `enrich` does.
"""

import time
from typing import Final
from uuid import UUID

import msgspec
from confluent_kafka import Consumer, Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from infra.bench.events import SOURCE
from infra.bench.rounds import Run, timed
from schemas.camera_events import CameraEvent
from schemas.cameras import Camera
from schemas.clips import CameraEventEnriched
from streams.topics import CAMERA_EVENTS, ENRICHED

BATCH_MAX: Final = 1_000
POLL_S: Final = 0.05
ID: Final = UUID(int=0)


def raw_loop(kafka: Cluster, events: int, group: str) -> Run:
    """From the first batch to the last commit."""
    consumer, producer = Consumer(_reading(kafka, group)), Producer(_writing(kafka))
    decoder, encoder = msgspec.json.Decoder(CameraEvent), msgspec.json.Encoder()
    camera = Camera(
        id=ID, source=SOURCE, source_id="camera-000", name="Camera 0", site="north", registered=True
    )
    topic = kafka.named(ENRICHED.name)
    consumer.subscribe([kafka.named(CAMERA_EVENTS.name)])
    began = cpu_s = done = 0.0
    while done < events:
        messages = consumer.consume(BATCH_MAX, POLL_S)
        if not messages:
            continue
        if not began:
            began, cpu_s = time.monotonic(), time.process_time()
        for message in messages:
            event = decoder.decode(message.value() or b"")
            enriched = CameraEventEnriched(
                id=ID,
                camera_id=ID,
                timestamp=event.timestamp,
                correlation_id=str(ID),
                event=event,
                camera=camera,
            )
            producer.produce(topic, encoder.encode(enriched), message.key())
        producer.flush()
        consumer.commit(asynchronous=True)
        done += len(messages)
    run = timed(int(done), time.monotonic() - began, time.process_time() - cpu_s)
    consumer.close()
    return run


def _reading(kafka: Cluster, group: str) -> dict[str, str | float | bool | object]:
    return {
        **kafka.confluent(),
        "group.id": kafka.named(group),
        "group.protocol": kafka.group_protocol,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "logger": LIBRDKAFKA,
    }


def _writing(kafka: Cluster) -> dict[str, str | float | bool | object]:
    return {
        **kafka.confluent(),
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "batch.size": 1 << 20,
        "queue.buffering.max.messages": 200_000,
        "logger": LIBRDKAFKA,
    }
