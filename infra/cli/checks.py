"""`./vidette test` and `./vidette check`: the whole truth, the same here and in CI."""

import subprocess
import sys
from typing import Annotated, Final

import typer

from infra.settings import ROOT

COVERED: Final = ("--cov", "--cov-report=term:skip-covered")
BESIDE: Final = ("-n2", "--dist=loadfile", "--no-loadscope-reorder")
"""Two processes, each with a Kafka and a PostgreSQL of its own: most tests mostly wait."""

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
    raise typer.Exit(run_tests(arguments or [], everything=everything))


def run_tests(arguments: list[str], *, everything: bool = False) -> int:
    """Pytest's exit status. Coverage counts only when everything ran.

    What takes minutes counts faults and memory, and has the machine for itself.
    """
    which = () if everything else ("-m", "not long")
    whole = COVERED if everything else (*COVERED, *BESIDE)
    command = [sys.executable, "-m", "pytest", *which, *(arguments or whole)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


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
