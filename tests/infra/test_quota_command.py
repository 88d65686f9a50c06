"""`./vidette quota`, and what workers tell of budgets and heed of commands, on the log."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest
from typer.testing import CliRunner

from connectors.clock import SystemClock
from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.shared import KafkaShared
from connectors.postgres.budgets import PostgresBudgets
from infra.cli.app import load
from infra.providers.roster import UnknownProvider
from infra.services.endpoints import Endpoints
from infra.settings import Settings
from infra.spending.keeping import Spending, limits_of
from schemas.commands import Commands
from schemas.providers import ProviderStates, QuotaWarned
from streams.quota.amounts import Amounts
from streams.quota.ports import Granted, Terms
from tests.agents.spending import ASKED, Named
from tests.embedded import Database, finish

Run = Callable[..., tuple[int, str]]

USED: Final = Amounts(3, 4_000, Decimal("0.02"))


@pytest.fixture
def run(
    cluster: Cluster, endpoints: Endpoints, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command on the test's own topics and tables; exit status and everything it said."""
    monkeypatch.setenv("VIDETTE_KAFKA_BOOTSTRAP_SERVERS", endpoints.bootstrap_servers)
    monkeypatch.setenv("VIDETTE_NAMESPACE", cluster.namespace)
    monkeypatch.setenv("VIDETTE_DATABASE_URL", database.url)
    monkeypatch.setenv("VIDETTE_AI_PROVIDER_ORDER", "openai,grok")
    monkeypatch.setenv("VIDETTE_MAX_DAILY_REQUESTS", "4")

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(load("quota"), ["quota", *words])
        return done.exit_code, done.output

    return command


async def spend(database: Database) -> None:
    """OpenAI used something, and closed its lease."""
    store = PostgresBudgets(database.url)
    places = Settings().limits.places("openai", local=False)
    granted = await store.lease("openai", "test", places, Amounts(1, 1), Terms())
    assert isinstance(granted, Granted)
    await store.keep(granted.id, USED, closes=True)
    await store.close()


def taken(run: Run, provider: str, measure: str = "requests") -> tuple[str, str | None]:
    """Of the day, and its limit."""
    status, said = run("show", "--json")
    assert status == 0, said
    found = {
        (one["provider"], one["window"], one["measure"]): one
        for one in map(json.loads, said.splitlines())
    }
    one = found[provider, "day", measure]
    return one["taken"], one["limit"]


async def worked(
    cluster: Cluster, database: Database, *, reserves: bool = False
) -> Sequence[ProviderStates]:
    """A worker reads all commands, perhaps reserves, and looks once; the states on the log then."""
    publisher, states, commands = KafkaPublisher(cluster), list[ProviderStates](), list[Commands]()
    shared = KafkaShared(cluster, publisher)
    following = asyncio.create_task(shared.follow(states.append, commands.append))
    spending = Spending(Settings(), database.url, cluster, publisher, "test")
    kept = spending.keep(SystemClock(), lambda _: None)
    try:
        await shared.ready()
        for command in commands:
            kept.budgets.heed(command)
        if reserves:
            await kept.budgets.reserve(Named(), ASKED, ASKED.enriched.id)
        await kept.budgets.look()
        while reserves and not states:
            await SystemClock().sleep(0.05)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await kept.close()
        await publisher.close()
    return states


def test_what_was_used_is_shown_beside_its_limit(run: Run, database: Database) -> None:
    finish(spend(database))

    assert (taken(run, "*"), taken(run, "openai")) == (("3", "4"), ("3", None))
    assert taken(run, "openai", "cost_usd") == ("0.02", None)


def test_the_table_says_how_much_of_a_limit_is_gone(run: Run, database: Database) -> None:
    finish(spend(database))

    status, said = run("show")

    row = next(line for line in said.splitlines() if "all" in line and "day" in line)
    assert (status, "75" in row, f"{datetime.now(UTC):%F}" in said) == (0, True, True)


def test_a_reset_counts_from_then_on_whoever_obeys_it_and_once(
    run: Run, cluster: Cluster, database: Database
) -> None:
    finish(spend(database))
    assert run("reset", "openai", "--reason", "they gave us more")[0] == 0

    finish(worked(cluster, database))
    after = taken(run, "*"), taken(run, "openai")
    finish(spend(database))
    finish(worked(cluster, database))

    assert after == (("0", "4"), ("0", None))
    assert taken(run, "openai") == ("3", None)


def test_nobody_resets_a_provider_that_is_none(run: Run) -> None:
    status, said = run("reset", "opneai", "--reason", "a slip")

    assert status != 0
    assert "no such provider" in said


def test_a_limit_of_a_provider_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_PROVIDER_LIMITS", '{"opneai": {"daily_requests": 5}}')

    with pytest.raises(UnknownProvider, match="names 'opneai'"):
        limits_of(Settings())


def test_a_limit_that_is_nearly_used_up_is_told_on_the_log(
    run: Run, cluster: Cluster, database: Database
) -> None:
    del run
    finish(spend(database))

    (state,) = finish(worked(cluster, database, reserves=True))

    assert isinstance(state, QuotaWarned)
    assert (state.provider, state.window, state.percent, state.limit) == ("*", "day", 90, "4")
