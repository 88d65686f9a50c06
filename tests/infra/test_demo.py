"""`./vidette demo` as a person starts it, against a real Kafka and a real PostgreSQL."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from connectors.kafka.clients import Cluster
from infra.cli.app import load
from infra.services.endpoints import Endpoints
from infra.settings import ROOT
from tests.embedded import Database, finish

TIMEOUT_S = 120


def environment(
    folder: Path, endpoints: Endpoints, database: Database, cluster: Cluster
) -> dict[str, str]:
    """Services of the session, names of the test's own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VIDETTE_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "VIDETTE_FOLDER": str(folder),
        "VIDETTE_KAFKA_BOOTSTRAP_SERVERS": endpoints.bootstrap_servers,
        "VIDETTE_DATABASE_URL": database.url,
        "VIDETTE_DATABASE_ADMIN_URL": database.admin_url,
        "VIDETTE_NAMESPACE": cluster.namespace,
        "VIDETTE_TOPIC_PARTITIONS": "3",
        "VIDETTE_API_PORT": "0",
        "VIDETTE_METRICS_PORT": "0",
    }


def started(around: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "infra", "demo", *arguments],
        cwd=ROOT,
        env=around,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children_of(folder: Path, *, running: bytes = b"") -> list[int]:
    """Processes that were told of this folder, and run this command."""
    told = f"VIDETTE_FOLDER={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            environ = (entry / "environ").read_bytes().split(b"\0")
            if told in environ and (not running or running in words):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One after the other, as people run it: the videos are made by the first."""
    return tmp_path_factory.mktemp("demo") / "v"


@pytest.fixture
def around(
    folder: Path, endpoints: Endpoints, database: Database, cluster: Cluster
) -> dict[str, str]:
    return environment(folder, endpoints, database, cluster)


def test_every_event_has_its_outcome_twice_in_a_row(
    around: dict[str, str], database: Database
) -> None:
    for run in (1, 2):
        demo = started(around, "--events", "12", "--json")
        said, complaints = demo.communicate(timeout=TIMEOUT_S)
        assert demo.returncode == 0, complaints
        facts = json.loads(said.splitlines()[-1])
        kinds = ("described", "degraded", "undescribed", "skipped", "dead_lettered")

        assert len(said.splitlines()) == 1
        assert facts["camera_events"] == 12 == sum(facts[kind] for kind in kinds)
        assert facts["inference_results"] == 120 == facts["recorded"]
        assert facts["lost"] == facts["duplicated"] == facts["dead_lettered"] == 0
        assert facts["by_provider"] == {"motion": facts["described"] + facts["degraded"]}
        assert facts["undescribed"] == 1
        assert facts["skipped"] == 2
        assert finish(_rows(database)) == run * 132
    assert children_of(Path(around["VIDETTE_FOLDER"])) == []


def test_ctrl_c_ends_the_publishing_and_shows_the_balance(around: dict[str, str]) -> None:
    demo = started(around, "--json")
    assert demo.stderr is not None
    while "publishing:" not in demo.stderr.readline():
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    said, complaints = demo.communicate(timeout=TIMEOUT_S)

    assert demo.returncode == 0, complaints
    assert json.loads(said.splitlines()[-1])["lost"] == 0
    assert children_of(Path(around["VIDETTE_FOLDER"])) == []


def test_a_killed_demo_leaves_no_process_behind(around: dict[str, str]) -> None:
    demo = started(around)
    assert demo.stderr is not None
    while "publishing:" not in demo.stderr.readline():
        assert demo.poll() is None
    folder = Path(around["VIDETTE_FOLDER"])
    assert len(children_of(folder)) > 1
    demo.kill()
    demo.communicate(timeout=TIMEOUT_S)

    assert _gone(folder)


def test_a_killed_worker_is_started_again_and_nothing_is_lost(around: dict[str, str]) -> None:
    demo = started(around, "--seconds", "10", "--json")
    assert demo.stderr is not None
    while "publishing:" not in demo.stderr.readline():
        assert demo.poll() is None
    (worker,) = children_of(Path(around["VIDETTE_FOLDER"]), running=b"worker")
    os.kill(worker, signal.SIGKILL)
    said, complaints = demo.communicate(timeout=TIMEOUT_S)
    facts = json.loads(said.splitlines()[-1])

    assert demo.returncode == 0, complaints
    assert facts["lost"] == facts["duplicated"] == 0
    assert facts["inference_results"] == facts["recorded"] > 1000


def test_events_and_seconds_exclude_each_other() -> None:
    done = CliRunner().invoke(load("demo"), ["demo", "--events", "3", "--seconds", "3"])

    assert done.exit_code == 2
    assert "not both" in done.output


def _gone(folder: Path) -> bool:
    """The kernel needs a moment."""
    until = time.monotonic() + 10
    while children_of(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


async def _rows(database: Database) -> int:
    connection = await asyncpg.connect(database.url)
    try:
        return int(await connection.fetchval("select count(*) from read_model.ai_events"))
    finally:
        await connection.close()
