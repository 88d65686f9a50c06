import json
from collections.abc import Iterator

import pytest

from infra.bench.rounds import Bench, Run, measure, percentile
from infra.cli.app import main
from infra.services.endpoints import Endpoints

FEW = [
    pytest.param("transform", 300),
    pytest.param("sink", 300),
    pytest.param("sink-bare", 300),
    pytest.param("rebuild", 300),
    pytest.param("effects", 300),
    pytest.param("end-to-end", 300, marks=pytest.mark.long),
    pytest.param("idle", 1, marks=pytest.mark.long),
]
"""Events per run."""


@pytest.fixture
def _configured(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_KAFKA_BOOTSTRAP_SERVERS", endpoints.bootstrap_servers)
    monkeypatch.setenv("VIDETTE_DATABASE_URL", endpoints.database_url)
    monkeypatch.setenv("VIDETTE_DATABASE_ADMIN_URL", endpoints.database_admin_url)


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(("name", "events"), FEW)
def test_a_bench_ends_with_one_line_of_json(
    name: str, events: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", name, "--events", str(events), "--rounds", "1", "--json"])

    said = capfd.readouterr()
    assert not ended.value.code, said.err
    result = json.loads(said.out.splitlines()[-1])
    assert (result["bench"], result["rounds"]) == (name, 1)
    assert result["ours"] > 0
    assert result["raw"] > 0
    assert result["ratio"] == pytest.approx(result["ours"] / result["raw"], abs=0.01)
    assert result["cpu_us_per_event"] > 0


def test_the_ratio_is_the_median_of_the_rounds_ratios_and_the_warm_up_does_not_count() -> None:
    ours, raw = figures(1000, 10, 30, 20), figures(1, 10, 10, 40)

    result = measure("any", Bench(lambda: next(ours), lambda: next(raw)), rounds=3, say=print)

    assert (result.ratio, result.facts()["ours"], result.facts()["raw_max"]) == (1, 20, 40)


def figures(*values: float) -> Iterator[Run]:
    return (Run(value, 1) for value in values)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_seen(percent: float, expected: float) -> None:
    assert percentile(list(range(1, 101)), percent) == expected
