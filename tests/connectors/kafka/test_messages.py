import asyncio
import subprocess
import sys
from pathlib import Path

from confluent_kafka import Producer

from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.log.history import History
from connectors.kafka.polling import Subscription
from streams.records import Partition, Record
from streams.topics import CAMERA_EVENTS

COUNT = 60
"""Enough to make the interpreter take the short cut that ended the process."""


def publish_carelessly(cluster: Cluster) -> None:
    script = Path(__file__).with_name("careless.py")
    topic = cluster.named(CAMERA_EVENTS.name)
    command = [sys.executable, str(script), cluster.bootstrap_servers, topic, str(COUNT)]
    subprocess.run(command, check=True)


async def test_header_names_that_are_no_text_cost_the_headers_only(cluster: Cluster) -> None:
    publish_carelessly(cluster)
    subscription = Subscription("careless", (CAMERA_EVENTS.name,), 10)
    lane = KafkaLane(cluster, subscription, Slot("careless", 0), lambda _p, _n: None)
    await lane.open()
    got: list[Record] = []

    async with asyncio.timeout(30):
        while len(got) < COUNT:
            got += (await lane.take()).records
    await lane.close()

    assert [(r.value, r.headers) for r in got] == [(str(n).encode(), ()) for n in range(COUNT)]


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
