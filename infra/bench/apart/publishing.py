"""A publisher in a process of its own: so many inference results, at a rate or as fast as it can.

Standard output has a line `TIME ID` for each probe when it is handed over, and for the last event
of every camera: once those are seen, all are. Times are of the monotonic clock, which processes of
one machine share. `python -m infra.bench.apart.publishing FIRST COUNT RATE PROBES`, all per second.
"""

import sys
import time
from typing import Final

from infra.bench.events import CAMERAS, inference, open_producer, send
from infra.endpoints import kafka
from infra.settings import Settings
from streams import identity
from streams.publishing import record

TICK_S: Final = 0.005


def main(arguments: list[str]) -> None:
    """A rate of 0 means as fast as it goes."""
    first, count, rate, probes = map(int, arguments)
    cluster = kafka(Settings())
    producer = open_producer(cluster)
    events = [inference(number) for number in range(first, first + count)]
    records = [record(event) for event in events]
    every = rate // probes if rate and probes else count + 1
    began = time.monotonic()
    _tell(began, "began")
    for number, one in enumerate(records):
        if rate:
            while (ahead_s := began + number / rate - time.monotonic()) > 0:
                producer.poll(0)
                time.sleep(min(ahead_s, TICK_S))
        told = number % every == every - 1 or number >= count - CAMERAS
        if told:
            _tell(time.monotonic(), str(identity.inference_id(events[number])))
        send(producer, cluster, one)
    producer.flush()


def _tell(moment: float, what: str) -> None:
    sys.stdout.write(f"{moment!r} {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
