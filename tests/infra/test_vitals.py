"""A worker's process is looked after: what its health says, and when it must end."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from connectors.clock import SystemClock
from connectors.journal.mapped import left_behind
from connectors.postgres.starts import PostgresStarts
from infra.operation.vitals import Vitals, looked_after
from infra.settings import ROOT, Settings
from tests.embedded import Database

STUCK: Final = """
import asyncio, sys
from dataclasses import dataclass
from pathlib import Path
from connectors.clock import SystemClock
from connectors.postgres.starts import PostgresStarts
from infra.operation.vitals import THREAD_SILENT_MAX_S, looked_after
from infra.settings import Settings
from streams.poison.starts import Place
from streams.records import Partition

@dataclass
class Reader:
    silent_s: float = 0.0

class Running:
    def __init__(self):
        self.reader, self.under_way = Reader(), {}

async def main():
    settings = Settings(folder=Path(sys.argv[1]))
    store = PostgresStarts("postgresql://nobody@127.0.0.1:1/nothing")
    async with looked_after(settings, [], store, SystemClock(), lambda: None) as vitals:
        vitals.running = {"enrich": Running()}
        vitals.running["enrich"].reader.silent_s = THREAD_SILENT_MAX_S + 1
        with vitals.journal.under_way(Place("enrich", Partition("t", 0), 7), alone=False):
            await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def looking(
    folder: Path, url: str, ended: list[str], memory_max_mb: int = 2048
) -> AsyncIterator[Vitals]:
    settings = Settings(folder=folder, slot=7, memory_max_mb=memory_max_mb)
    store = PostgresStarts(url)
    async with looked_after(
        settings, ["enrich"], store, SystemClock(), lambda: ended.append("again")
    ) as vitals:
        yield vitals


def health(vitals: Vitals) -> tuple[bool, dict[str, object]]:
    is_well, body = vitals.told()
    return is_well, json.loads(body)


async def test_a_worker_is_not_well_before_it_is_ready(tmp_path: Path, database: Database) -> None:
    async with looking(tmp_path, database.url, []) as vitals:
        before = health(vitals)
        vitals.state = "ok"
        after = health(vitals)

    assert (before[0], before[1]["status"]) == (False, "starting")
    assert (after[0], after[1]["status"], after[1]["slot"]) == (True, "ok", 7)


async def test_more_memory_than_allowed_asks_for_a_fresh_process(
    tmp_path: Path, database: Database
) -> None:
    ended: list[str] = []
    async with looking(tmp_path, database.url, ended, memory_max_mb=1) as vitals:
        vitals.state = "ok"
        async with asyncio.timeout(30):
            while not ended:  # noqa: ASYNC110  # what is waited for is a call from outside
                await asyncio.sleep(0.01)

    assert set(ended) == {"again"}


def test_a_thread_of_kafka_that_is_stuck_ends_the_process_and_blames_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK, str(tmp_path)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "worker.thread_stuck" in done.stdout + done.stderr
    assert "most recent call first" in done.stderr
    assert left_behind(tmp_path / "journals") == []
