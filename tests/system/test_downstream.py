"""The log read by somebody who has aiokafka, jsonschema and our published schemas, no more."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from infra.settings import ROOT
from tests.system.conftest import Settled
from tests.system.site import Site


@pytest.fixture(scope="module")
def read(site: Site, settled: Settled, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    assert settled.rows
    done = subprocess.run(
        (
            *(sys.executable, "-I", ROOT / "tests" / "system" / "outsider.py"),
            *(site.cluster.bootstrap_servers, site.cluster.named("ai.events.v1")),
            ROOT / "schemas" / "published",
        ),
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(done.stdout))


def test_every_outcome_of_the_log_is_valid_by_its_published_schema(
    site: Site, read: Counter[str]
) -> None:
    assert read == Counter(row.outcome for row in site.rows() if row.outcome != "recorded")


def test_there_was_more_than_one_type_to_read(read: Counter[str]) -> None:
    assert set(read) >= {"described", "undescribed"}


def test_the_consumer_knows_nothing_of_ours() -> None:
    text = Path(ROOT / "tests" / "system" / "outsider.py").read_text()

    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if "import " in line
    }
    assert imported.isdisjoint({"schemas", "streams", "agents", "connectors", "infra", "tests"})
