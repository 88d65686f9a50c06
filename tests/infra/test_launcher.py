"""`./vidette`: one command on a fresh machine, from any folder, also when it was cut off before.

A copy with an empty lock stands in for the project, so that nothing is downloaded.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.settings import ROOT

MAIN = "import agents, os, sys; print(*sys.argv[1:], os.getcwd(), agents.__file__, sep='|')"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = fresh(tmp_path_factory.mktemp("launcher") / "project")
    assert started(project, "first", cwd=project).returncode == 0
    return project


@pytest.fixture
def project(installed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installed, tmp_path / "project", symlinks=True))


def test_from_any_folder_our_modules_run_and_the_folder_stays(
    project: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("agents", "infra"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "__init__.py").write_text("raise SystemExit('the wrong one')")

    run = started(project, "publish", "a b.jsonl", cwd=elsewhere)

    ours = project / "agents/__init__.py"
    assert (run.stdout, run.stderr) == (f"publish|a b.jsonl|{elsewhere}|{ours}\n", "")


def test_a_link_to_it_works_too(project: Path, tmp_path: Path) -> None:
    (tmp_path / "vidette").symlink_to(project / "vidette")

    run = subprocess.run([tmp_path / "vidette", "x"], capture_output=True, check=True, text=True)

    assert run.stdout.startswith("x|")


def test_the_status_is_the_command_s(project: Path) -> None:
    (project / "infra/__main__.py").write_text("raise SystemExit(7)")

    assert started(project, cwd=project).returncode == 7


def test_a_changed_lock_is_installed_once(project: Path) -> None:
    (project / "infra/locks/runtime.txt").write_text("# another\n")

    assert "installing" in started(project, cwd=project).stderr
    assert started(project, cwd=project).stderr == ""


def test_development_has_its_own_lock(project: Path) -> None:
    assert "dev.txt" in started(project, "check", cwd=project).stderr
    assert started(project, "test", cwd=project).stderr == ""
    assert started(project, "demo", cwd=project).stderr == ""


def test_what_was_cut_off_is_made_anew(project: Path) -> None:
    (project / ".venv/unfinished").touch()
    (project / ".venv/runtime.stamp").unlink()
    (project / ".venv/left").touch()

    assert started(project, cwd=project).returncode == 0
    assert not (project / ".venv/left").exists()
    assert started(project, cwd=project).stderr == ""


def test_two_first_starts_at_once_both_work(tmp_path: Path) -> None:
    project = fresh(tmp_path / "project")
    command = [str(project / "vidette"), "x"]

    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sum("making .venv" in errors for _, errors in said) == 1


@pytest.mark.parametrize(
    ("python", "remedy"),
    [
        pytest.param("exit 1", "Python 3.11 or newer is needed", id="broken"),
        pytest.param("echo 310 $0", "Python 3.11 or newer is needed", id="old"),
        pytest.param(
            'case "$*" in *ensurepip*) exit 1 ;; esac; echo 311 $0', "python3-venv", id="half"
        ),
    ],
)
def test_an_unfit_python_is_named_with_its_remedy(tmp_path: Path, python: str, remedy: str) -> None:
    project, tools = fresh(tmp_path / "project"), tmp_path / "bin"
    tools.mkdir()
    for tool in ("cat", "cksum", "flock", "readlink", "rm"):
        (tools / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool}"))
    (tools / "python3").write_text(f"#!/bin/sh\n{python}\n")
    (tools / "python3").chmod(0o755)

    run = started(project, cwd=project, path=str(tools))

    assert run.returncode == 1
    assert remedy in run.stderr
    assert not (project / ".venv").exists()


def test_a_folder_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    project = fresh(tmp_path / "project")
    project.chmod(0o555)
    if os.access(project, os.W_OK):
        pytest.skip("root writes everywhere")

    run = started(project, cwd=project)

    assert run.returncode == 1
    assert f"can't write to {project}" in run.stderr


def fresh(project: Path) -> Path:
    for folder in ("agents", "infra/locks"):
        (project / folder).mkdir(parents=True)
    shutil.copy(ROOT / "vidette", project)
    (project / "agents/__init__.py").touch()
    (project / "infra/__main__.py").write_text(MAIN)
    (project / "infra/locks/runtime.txt").write_text("# nothing\n")
    (project / "infra/locks/dev.txt").write_text("# nothing, for development\n")
    return project


def started(
    project: Path, *arguments: str, cwd: Path, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    command = [str(project / "vidette"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, check=False, text=True
    )
