"""A rebuild's fold of the log into fresh tables, against our own sink on the same records.

Making the tables, comparing checksums and swapping are not part of it: they cost what the tables
hold, not what the log holds. Ours reads in no consumer group, and no worker's step is involved.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from connectors.kafka.log.history import History
from connectors.postgres.sink import Sink
from infra.bench.place import Place
from infra.bench.rounds import Bench, Run, timed
from infra.bench.sink import SLICES, fresh, in_loop, projected, record
from infra.bench.transform import collecting_rarely
from infra.rebuild import Fold
from streams.projection.project import PROJECTED


@contextmanager
def rebuild(place: Place, events: int) -> Iterator[Bench]:
    """Each run folds the same log into tables of its own."""
    record(place, events)
    runs = count()

    def ours() -> Run:
        with collecting_rarely():
            return in_loop(_folded(place, f"rebuild_{next(runs)}"))

    def raw() -> Run:
        with collecting_rarely():
            return in_loop(projected(place, events, f"sink_{next(runs)}"))

    yield Bench(ours, raw)


async def _folded(place: Place, schema: str) -> Run:
    """From the first question for a record to the last commit."""
    history = History(place.cluster, (topic.name for topic in PROJECTED))
    sink = Sink(place.endpoints.database_url, slices=SLICES, schema=schema)
    async with fresh(place, schema):
        try:
            logs = await history.logs()
            fold = Fold(history, sink, positions=await sink.claim(logs))
            ends = {partition: log.end or 0 for partition, log in logs.items()}
            began, cpu_s = time.monotonic(), time.process_time()
            await fold.upto(ends, place.say)
            seconds, spent_s = time.monotonic() - began, time.process_time() - cpu_s
        finally:
            await sink.close()
    return timed(fold.records, seconds, spent_s)
