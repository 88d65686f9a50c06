"""200 callers in four processes, some of them killed, the database away in between: no limit is
exceeded by even one, and in the end all of the budget was spent.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from infra.settings import ROOT
from streams.quota.amounts import Amounts
from tests.embedded import Database, finish
from tests.system import spender
from tests.system.processes import until

CALLERS: Final = 50
PROCESSES: Final = 4


class Spenders:
    """Processes that spend, and the files that say what they did."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, callers: int = CALLERS) -> None:
        program = (sys.executable, "-m", "tests.system.spender", self._url, self._folder)
        self.running.append(subprocess.Popen([*program, str(callers)], cwd=ROOT))

    def kill(self) -> None:
        victim = self.running.pop(0)
        victim.kill()
        victim.wait()

    def end(self) -> None:
        for one in self.running:
            one.terminate()
        for one in self.running:
            assert one.wait(30) == 0
        self.running.clear()

    def until_begun(self, count: int) -> None:
        until(lambda: len(self.lines("begun")) >= count)

    def lines(self, name: str) -> list[bytes]:
        return spender.Lines(self._folder / name).all()

    @property
    def called(self) -> Counter[str]:
        return Counter(line.decode() for line in self.lines("called"))


@pytest.fixture
def spenders(database: Database, tmp_path: Path) -> Iterator[Spenders]:
    found = Spenders(database.url, tmp_path)
    yield found
    for one in found.running:
        one.kill()
        one.wait()


async def _executed(database: Database, *statements: str) -> None:
    connection = await asyncpg.connect(database.admin_url.replace(database.name, "postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Nobody is let in, and who is in is thrown out."""
    alter = f"alter database {database.name} allow_connections"
    sessions = f"from pg_stat_activity where datname = '{database.name}'"
    throw = f"select pg_terminate_backend(pid) {sessions}"
    finish(_executed(database, f"{alter} false", throw))
    try:
        yield
    finally:
        finish(_executed(database, f"{alter} true"))


async def _taken(database: Database) -> tuple[dict[str, Amounts], int]:
    """What is taken this month by scope, and how many leases are open."""
    connection = await asyncpg.connect(database.admin_url)
    try:
        rows = await connection.fetch(
            "select scope, requests, tokens, cost_usd from operation.budget_windows"
            " where span = 'month'"
        )
        left = await connection.fetchval("select count(*) from operation.budget_leases")
    finally:
        await connection.close()
    return {row["scope"]: Amounts(*list(row.values())[1:]) for row in rows}, left


def exceeded(taken: dict[str, Amounts]) -> list[str]:
    """Limits that were not kept."""
    return [
        f"{place.scope}: {used} {measure} of {limit}"
        for provider in ("openai", "grok")
        for place in spender.LIMITS.places(provider, local=False)
        if place.window == "month"
        for measure, used in taken[place.scope].measures
        if (limit := place.caps.of(measure)) is not None and used > limit
    ]


def test_no_limit_is_exceeded_by_even_one_and_nothing_of_a_budget_is_stranded(
    spenders: Spenders, database: Database
) -> None:
    for _ in range(PROCESSES):
        spenders.start()
    spenders.until_begun(200)
    spenders.kill()
    spenders.start()
    spenders.until_begun(600)
    with away(database):
        spenders.kill()
        refused = len(spenders.lines("refused"))
        until(lambda: len(spenders.lines("refused")) > refused + CALLERS)
    spenders.start()
    spenders.until_begun(spender.TOGETHER * 3 // 4)
    spenders.kill()
    while_they_spent, _ = finish(_taken(database))
    spenders.end()
    spenders.start()
    until(lambda: finish(_taken(database))[0]["*"].requests == spender.TOGETHER)
    until(lambda: finish(_taken(database))[1] == 0)
    spenders.end()

    taken, _ = finish(_taken(database))
    assert (exceeded(while_they_spent), exceeded(taken)) == ([], [])
    assert taken["*"].requests == spender.TOGETHER, "all of it was spent"
    assert spenders.called.total() <= spender.TOGETHER
    assert spenders.called["openai"] <= spender.OPENAI
    assert len(spenders.lines("begun")) <= spender.TOGETHER
