"""Inference results from a publisher to rows that can be queried, everything on this machine.

The figure is the sustained rate: so many events published as fast as it goes, until the last row
can be queried. Then the same for some seconds at half that rate, which gives the latencies, from
handing an event to the client library until a query finds its row. Raw is the plain transform loop
on as many camera events: what the machine can do where nothing is kept.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final
from uuid import UUID

import asyncpg
import psutil

from connectors.postgres.connection import READ_MODEL
from infra.bench.apart.working import spent_s, working
from infra.bench.events import publish, sighting
from infra.bench.place import Place
from infra.bench.raw_loop import raw_loop
from infra.bench.rounds import MICRO, Bench, Run
from infra.settings import ROOT, environment

STEPS: Final = ("record_inference", "project")
PACED_S: Final = 8
PROBES_PER_S: Final = 50
POLL_S: Final = 0.004
SEEN: Final = "select id from ai_events where id = any($1::uuid[]) and timestamp > $2"


@contextmanager
def end_to_end(place: Place, events: int) -> Iterator[Bench]:
    """One worker for all runs; each run has events of its own."""
    place.say(f"publishing {events:,} events for the raw loop")
    publish(place.cluster, sighting, range(events))
    runs, numbers = count(), _Numbers()
    with working(place, STEPS) as worker:
        yield Bench(
            ours=lambda: asyncio.run(_ours(place, worker, numbers, events)),
            raw=lambda: raw_loop(place.cluster, events, f"raw-{next(runs)}"),
        )


class _Numbers:
    """Hands out event numbers, each once."""

    def __init__(self) -> None:
        self.first = 0

    def take(self, count: int) -> int:
        first, self.first = self.first, self.first + count
        return first


async def _ours(place: Place, worker: psutil.Process, numbers: _Numbers, events: int) -> Run:
    before_s = spent_s(worker)
    sustained = await _seen(place, numbers.take(events), events, rate=0)
    figure = events / sustained.whole_s
    rate = max(PROBES_PER_S, int(figure / 2))
    paced = await _seen(place, numbers.take(rate * PACED_S), rate * PACED_S, rate=rate)
    worked = events + rate * PACED_S
    cpu_us = (spent_s(worker) - before_s) / worked * MICRO
    return Run(figure, worked, cpu_us, paced.latencies_ms, {"paced_per_s": rate})


class Seen:
    """When probes were published, and how long it took until a query found each."""

    def __init__(self) -> None:
        self.began_s = self.whole_s = 0.0
        self.latencies_ms: list[float] = []
        self.waiting: dict[UUID, float] = {}

    def told(self, line: bytes) -> None:
        """A line of the publisher."""
        moment, _, what = line.decode().strip().partition(" ")
        if what == "began":
            self.began_s = float(moment)
        else:
            self.waiting[UUID(what)] = float(moment)

    async def ask(self, connection: "asyncpg.Connection[asyncpg.Record]", since: object) -> None:
        """Once, for all that are waited for."""
        found = await connection.fetch(SEEN, list(self.waiting), since)
        now = time.monotonic()
        for row in found:
            self.latencies_ms.append((now - self.waiting.pop(row["id"])) * 1000)
        self.whole_s = now - self.began_s


async def _seen(place: Place, first: int, events: int, *, rate: int) -> Seen:
    """Publishes and looks until every probe has its row."""
    words = map(str, (first, events, rate, PROBES_PER_S))
    with environment(place.variables()):
        publisher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "infra.bench.apart.publishing", *words, cwd=ROOT, stdout=PIPE
        )
    connection = await asyncpg.connect(
        place.endpoints.database_url, server_settings={"search_path": READ_MODEL}
    )
    seen = Seen()
    listening = asyncio.create_task(_listen(publisher, seen))
    try:
        day = await connection.fetchval("select now() - interval '1 day'")
        while seen.waiting or not listening.done():
            if seen.waiting:
                await seen.ask(connection, day)
            await asyncio.sleep(POLL_S)
        await listening
    finally:
        listening.cancel()
        await connection.close()
    return seen


async def _listen(publisher: asyncio.subprocess.Process, seen: Seen) -> None:
    while publisher.stdout and (line := await publisher.stdout.readline()):
        seen.told(line)
    await publisher.wait()
