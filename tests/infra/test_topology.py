import subprocess
import sys
from pathlib import Path

from infra.settings import ROOT
from infra.topology import STEPS, shown

RIGHT = """
from agents.enrich import Enrich
from streams.registry import Registry
from streams.steps import Pure
from streams.topics import CAMERA_EVENTS, ENRICHED, INFERENCE_RESULTS

step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=Enrich(Registry()), writes=(ENRICHED,))
"""


def checked(tmp_path: Path, program: str) -> str:
    """What mypy says of the program, as it would of infra/topology.py."""
    file = tmp_path / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_a_right_topology_type_checks(tmp_path: Path) -> None:
    assert "Success" in checked(tmp_path, RIGHT)


def test_a_wrong_topic_fails_the_type_check(tmp_path: Path) -> None:
    wrong = RIGHT.replace("reads=CAMERA_EVENTS", "reads=INFERENCE_RESULTS")

    assert 'Argument "runs" to "Pure" has incompatible type' in checked(tmp_path, wrong)


def test_a_missing_port_fails_the_type_check(tmp_path: Path) -> None:
    without = RIGHT.replace("Enrich(Registry())", "Enrich()")

    assert "Missing positional argument" in checked(tmp_path, without)


def test_a_worker_runs_every_step_of_the_topology_by_default() -> None:
    assert [step.name for step in shown()] == list(STEPS)
