"""A record that kills a rebuild is known to the next ones, and in the end passed over."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.operation.witness import witnessed
from infra.settings import ROOT
from streams.lanes import Progress
from streams.records import Partition, Record

DIES: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from infra.operation.witness import witnessed
from streams.lanes import Progress
from streams.records import Partition

async def main():
    async with witnessed(Path(sys.argv[1]), 60, print) as guard:
        place = Partition("ai.events.v1", 0)
        guard.begins("rebuild", {place: Progress(0)}, {place.topic: "an-id"})
        cursor = guard.cursor("rebuild")
        async with guard.batch(cursor, "rebuild", [], alone=True):
            cursor.mark(place, 6)
            cursor.mark(place, 7)
            os.kill(os.getpid(), signal.SIGSEGV)

asyncio.run(main())
"""
PLACE: Final = Partition("ai.events.v1", 0)
RECORD: Final = Record(
    partition=PLACE, offset=7, key=b"gate", value=b"{}", headers=(), timestamp_ms=0
)


def die(folder: Path) -> None:
    command = [sys.executable, "-c", DIES, str(folder)]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == -11, done.stderr


async def verdict(folder: Path) -> tuple[list[str], str]:
    """What the next rebuild says, and what becomes of the record."""
    said: list[str] = []
    async with witnessed(folder, 60, said.append) as guard:
        guard.begins("rebuild", {PLACE: Progress(0)}, {PLACE.topic: "an-id"})
        async with guard.batch(guard.cursor("rebuild"), "rebuild", [RECORD]) as convicted:
            why = convicted.get((PLACE, 7))
    return said, why.reason if why else "folded"


async def test_the_next_rebuild_says_at_which_record_the_one_before_died(tmp_path: Path) -> None:
    die(tmp_path)

    (said,), became = await verdict(tmp_path)

    assert ("crashed at ai.events.v1, partition 0, offset 7" in said, became) == (True, "folded")


async def test_what_three_rebuilds_died_of_is_passed_over(tmp_path: Path) -> None:
    for _ in range(3):
        die(tmp_path)

    (said,), became = await verdict(tmp_path)

    assert (said.startswith("passed over: ai.events.v1"), became) == (True, "killed_worker")


async def test_a_rebuild_that_ends_well_forgets_what_others_died_of(tmp_path: Path) -> None:
    die(tmp_path)
    await verdict(tmp_path)

    assert await verdict(tmp_path) == ([], "folded")
