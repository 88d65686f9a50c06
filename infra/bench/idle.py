"""A worker with all steps and nothing to do, against a bare process with eight idle consumers.

The figure is the share of one core, in percent; memory is that of the processes together. `events`
are seconds of idling here.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from infra.bench.apart.working import held_mb, spent_s, working
from infra.bench.place import Place
from infra.bench.rounds import MICRO, Bench, Run
from infra.topology import STEPS
from streams.topics import CAMERA_EVENTS

CONSUMERS: Final = 8
SETTLE_S: Final = 5.0

BARE: Final = """
import sys
from confluent_kafka import Consumer

servers, topic, group, count = sys.argv[1:]
consumers = [
    Consumer({"bootstrap.servers": servers, "group.id": f"{group}.{number}"})
    for number in range(int(count))
]
for consumer in consumers:
    consumer.subscribe([topic])
while True:
    for consumer in consumers:
        consumer.consume(1, 1.0 / len(consumers))
"""


@contextmanager
def idle(place: Place, events: int) -> Iterator[Bench]:
    """Both idle for the whole bench and are looked at in turns."""
    with working(place, STEPS) as worker, _bare(place) as bare:
        time.sleep(SETTLE_S)  # joining groups is work
        yield Bench(lambda: _idling(worker, events), lambda: _idling(bare, events), "% of a core")


def _idling(root: psutil.Process, seconds: int) -> Run:
    began, before_s = time.monotonic(), spent_s(root)
    time.sleep(seconds)
    share = (spent_s(root) - before_s) / (time.monotonic() - began)
    return Run(share * 100, seconds, share * MICRO, facts={"memory_mb": held_mb(root)})


@contextmanager
def _bare(place: Place) -> Iterator[psutil.Process]:
    topic = place.cluster.named(CAMERA_EVENTS.name)
    words = (place.endpoints.bootstrap_servers, topic, place.cluster.named("bare"), str(CONSUMERS))
    process = subprocess.Popen((sys.executable, "-c", BARE, *words))
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
