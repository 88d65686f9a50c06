"""`./vidette providers`: what it says and what it writes to the log."""

import json
from collections.abc import Callable

import msgspec
import pytest
from typer.testing import CliRunner

from connectors.kafka.clients import Cluster
from infra.cli.app import load
from infra.services.endpoints import Endpoints
from schemas.providers import BlacklistChanged

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(cluster: Cluster, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the test's own topics; exit status and everything it said."""
    monkeypatch.setenv("VIDETTE_KAFKA_BOOTSTRAP_SERVERS", endpoints.bootstrap_servers)
    monkeypatch.setenv("VIDETTE_NAMESPACE", cluster.namespace)
    monkeypatch.setenv("VIDETTE_AI_PROVIDER_ORDER", "motion")

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(load("providers"), ["providers", *words])
        return done.exit_code, done.output

    return command


def listed(run: Run) -> dict[str, dict[str, object]]:
    status, said = run("list", "--json")
    assert status == 0, said
    return {one["provider"]: one for one in map(json.loads, said.splitlines())}


def test_a_fresh_site_asks_in_the_order_that_is_set_and_all_is_well(run: Run) -> None:
    found = listed(run)["motion"]

    assert (found["place"], found["breaker"], found["blacklist"]) == (1, "closed", [])


def test_what_is_blacklisted_is_shown_with_reason_until_it_is_lifted(run: Run) -> None:
    reason = "answers [red]nonsense"
    assert run("blacklist", "motion", "--minutes", "30", "--reason", reason)[0] == 0
    entries = msgspec.convert(listed(run)["motion"]["blacklist"], list[BlacklistChanged])
    table = run("list")[1]
    assert run("unblacklist", "motion", "--reason", "mended")[0] == 0

    assert [entry.why.detail for entry in entries] == [reason]
    assert "[red]" in table
    assert listed(run)["motion"]["blacklist"] == []


def test_a_switch_is_the_order_from_then_on(run: Run) -> None:
    status, said = run("switch", "motion", "--reason", "a try")

    assert (status, said.strip()) == (0, "asked in this order now: motion")
    assert listed(run)["motion"]["place"] == 1


@pytest.mark.parametrize(
    "words", [("switch", "nobody"), ("blacklist", "nobody"), ("unblacklist", "nobody")]
)
def test_a_name_that_nobody_has_is_refused_with_those_that_are_known(
    run: Run, words: tuple[str, str]
) -> None:
    status, said = run(*words, "--reason", "none")

    assert status == 2
    assert "nobody: no such provider" in said
    assert "motion" in said


def test_a_kind_of_prompt_that_nobody_has_is_refused_with_those_that_are_known(run: Run) -> None:
    status, said = run("clear-cache", "ghost", "--reason", "none")

    assert status == 2
    assert "ghost: no such kind" in said
    assert "person" in said


def test_a_command_without_a_reason_is_refused(run: Run) -> None:
    status, said = run("blacklist", "motion")

    assert status == 2
    assert "--reason" in said
