import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer

from connectors.kafka.backlog import BATCH_BYTES_MAX
from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.log.history import History
from connectors.kafka.messages import HEADER_WEIGHT
from connectors.kafka.polling import Subscription
from streams.dead_letters import HEADERS_MAX
from streams.records import Partition, Record
from streams.topics import CAMERA_EVENTS

COUNT = 60
"""Enough to make the interpreter take the short cut that ended the process."""


def publish_carelessly(cluster: Cluster) -> None:
    script = Path(__file__).with_name("careless.py")
    topic = cluster.named(CAMERA_EVENTS.name)
    command = [sys.executable, str(script), cluster.bootstrap_servers, topic, str(COUNT)]
    subprocess.run(command, check=True)


def publish(cluster: Cluster, count: int, headers: list[tuple[str, bytes]]) -> None:
    """Compressed, as large as the broker takes it."""
    settings = {"compression.type": "zstd", "message.max.bytes": 100_000_000, "linger.ms": 20}
    producer = Producer(cluster.confluent() | settings)
    for number in range(count):
        value = str(number).encode()
        producer.produce(cluster.named(CAMERA_EVENTS.name), value, headers=[*headers], partition=0)
    assert producer.flush(30) == 0


async def batches(cluster: Cluster, count: int) -> list[Sequence[Record]]:
    """As a step gets them, until so many records have come."""
    subscription = Subscription("step", (CAMERA_EVENTS.name,), 100)
    lane = KafkaLane(cluster, subscription, Slot("step", 0), lambda _p, _n: None)
    await lane.open()
    got: list[Sequence[Record]] = []
    async with asyncio.timeout(30):
        while sum(map(len, got)) < count:
            got.append((await lane.take()).records)
    await lane.close()
    return got


async def test_header_names_that_are_no_text_cost_the_headers_only(cluster: Cluster) -> None:
    publish_carelessly(cluster)

    got = [record for batch in await batches(cluster, COUNT) for record in batch]

    assert [(r.value, r.headers) for r in got] == [(str(n).encode(), ()) for n in range(COUNT)]
    assert {r.missing for r in got} == {"its headers, of which a name is not UTF-8,"}


async def test_of_headers_beyond_all_measure_those_that_count_are_kept(cluster: Cluster) -> None:
    story = [("correlation_id", b"a"), ("traceparent", b"b"), ("vidette_redrive_step", b"c")]
    publish(cluster, 1, [*story, *([("x", b"")] * 90_000)])

    (record,) = [record for batch in await batches(cluster, 1) for record in batch]

    assert record.headers == story
    assert record.missing.startswith("its 90003 headers of 90")


async def test_records_swollen_by_headers_come_a_few_at_a_time(cluster: Cluster) -> None:
    publish(cluster, 20, [("", b"")] * 90_000)

    got = await batches(cluster, 20)

    assert max(map(len, got)) * 90_000 * HEADER_WEIGHT < 2 * BATCH_BYTES_MAX


async def test_as_many_headers_as_a_letter_keeps_come_as_they_are(cluster: Cluster) -> None:
    headers = [(f"name-{number}", b"") for number in range(HEADERS_MAX)]
    publish(cluster, 1, headers)

    (record,) = [record for batch in await batches(cluster, 1) for record in batch]

    assert (record.headers, record.missing) == (headers, "")


async def test_headers_that_are_read_late_are_no_less_safe_and_read_once(cluster: Cluster) -> None:
    publish_carelessly(cluster)
    history = History(cluster, (CAMERA_EVENTS.name,))

    spans = {Partition(CAMERA_EVENTS.name, 0): (0, COUNT)}
    records = [r async for batch in history.read(spans) for r in batch]

    assert [(list(r.headers), len(r.headers)) for r in records] == [([], 0)] * COUNT


async def test_headers_that_are_read_late_are_the_same(cluster: Cluster) -> None:
    headers = [("ce_id", b"1"), ("empty", b""), ("ce_id", b"2")]
    producer = Producer(cluster.confluent())
    producer.produce(cluster.named(CAMERA_EVENTS.name), b"{}", headers=[*headers], partition=0)
    producer.flush()
    history = History(cluster, (CAMERA_EVENTS.name,))

    spans = {Partition(CAMERA_EVENTS.name, 0): (0, 1)}
    (record,) = [r async for batch in history.read(spans) for r in batch]

    assert (list(record.headers), record.headers[1], record.header("ce_id")) == (
        headers,
        headers[1],
        "1",
    )


async def test_a_rebuild_reads_past_them_too(cluster: Cluster) -> None:
    publish_carelessly(cluster)
    history = History(cluster, (CAMERA_EVENTS.name,))

    got = [
        r
        async for batch in history.read({Partition(CAMERA_EVENTS.name, 0): (0, COUNT)})
        for r in batch
    ]

    assert len(got) == COUNT
