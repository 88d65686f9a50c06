"""`./vidette test` and `./vidette check`: the whole truth, the same here and in CI."""

import subprocess
import sys
from hashlib import sha256
from typing import Annotated, Final

import typer

from infra.settings import ROOT

COVERED: Final = ("--cov", "--cov-report=term:skip-covered")
BESIDE: Final = ("-n2", "--dist=loadfile", "--no-loadscope-reorder")
"""Two processes, each with a Kafka and a PostgreSQL of its own: most tests mostly wait."""

LOCKED: Final = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-input")
LEGACY: Final = (
    "tests/contracts/test_providers.py",
    "tests/connectors/providers/test_meanings.py",
    "-k",
    "legacy",
)

CHECKS = {
    "format": ("-m", "ruff", "format", "--check", "."),
    "lint": ("-m", "ruff", "check", "."),
    "types": ("-m", "mypy"),
    "imports": ("-c", "from importlinter.cli import lint_imports_command as run; run()"),
}


def test(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]", help="Passed on to pytest.")
    ] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what takes minutes; CI leaves it out.")
    ] = False,
) -> None:
    """Run the tests against a real Kafka and a real PostgreSQL, started for them.

    Example: ./vidette test -- tests/streams -k window
    """
    status = run_tests(arguments or [], everything=everything)
    if everything and not arguments:
        typer.echo("── gemini-legacy", err=True)
        status = run_legacy_tests() or status
    raise typer.Exit(status)


def run_tests(arguments: list[str], *, everything: bool = False) -> int:
    """Pytest's exit status. Coverage counts only when everything ran.

    What takes minutes counts faults and memory, and has the machine for itself.
    """
    which = () if everything else ("-m", "not long")
    whole = COVERED if everything else (*COVERED, *BESIDE)
    command = [sys.executable, "-m", "pytest", *which, *(arguments or whole)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def run_legacy_tests() -> int:
    """Pytest's exit status: the contract of providers on the SDK that Google has ended.

    It holds packages back, so it has an environment of its own, made when it is first needed.
    """
    lock = ROOT / "infra" / "locks" / "gemini-legacy.txt"
    environment = ROOT / ".venv-gemini-legacy"
    python, stamp = environment / "bin" / "python", environment / "lock.sha256"
    wanted = sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", *LOCKED, "-r", lock], check=True)
        stamp.write_text(wanted)
    return subprocess.run([python, "-m", "pytest", *LEGACY], cwd=ROOT, check=False).returncode


def check() -> None:
    """Run everything that CI runs: format, lint, types, imports, schemas, tests.

    Example: ./vidette check
    """
    failed = []
    for name, command in CHECKS.items():
        typer.echo(f"── {name}", err=True)
        done = subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
        failed += [name] if done.returncode else []
    typer.echo("── tests", err=True)
    failed += ["tests"] if run_tests([]) else []
    if failed:
        typer.echo(f"failed: {', '.join(failed)}", err=True)
        raise typer.Exit(1)
