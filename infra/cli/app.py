"""All commands by name. Only the one that is asked for is imported, so that each start is quick."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple

import typer

from infra.cli.faults import sentence


class Where(NamedTuple):
    """A command's place, `module:name`, and the first line of its help."""

    place: str
    about: str


COMMANDS: Final = {
    "demo": Where("infra.cli.demo:demo", "Run a simulated site through the whole chain."),
    "services": Where(
        "infra.cli.services:services", "Run an embedded Apache Kafka and PostgreSQL until Ctrl-C."
    ),
    "worker": Where("infra.cli.worker:worker", "Run steps until Ctrl-C."),
    "api": Where("infra.cli.api:api", "Serve the HTTP API until Ctrl-C."),
    "topics": Where("infra.cli.topics:topics", "Look at the topics and make them."),
    "psql": Where("infra.cli.psql:psql", "Open the read model in psql."),
    "migrate": Where("infra.cli.migrate:migrate", "Bring the database's tables up to date."),
    "publish": Where("infra.cli.publish:publish", "Publish events, one JSON object a line."),
    "example": Where("infra.cli.example:example", "Print one valid event of a type."),
    "tail": Where("infra.cli.tail:tail", "Show the records of a topic as they come."),
    "explain": Where("infra.cli.explain:explain", "Tell the story of one event from the log."),
    "providers": Where("infra.cli.providers:providers", "See and steer the providers."),
    "quota": Where("infra.cli.quota:quota", "See what was spent, and count anew."),
    "dead-letters": Where("infra.cli.dead_letters:letters", "List, show and redrive dead letters."),
    "projections": Where(
        "infra.cli.projections:projections", "Rebuild the read model from the log."
    ),
    "log": Where("infra.cli.log:log", "Save the log into a file, and restore it."),
    "schemas": Where(
        "infra.cli.schemas:schemas", "Write schemas/published/ from the words and topics."
    ),
    "bench": Where(
        "infra.cli.bench:bench", "Measure Vidette beside a plain loop on the same data."
    ),
    "chaos": Where("infra.cli.chaos:chaos", "Break a whole Vidette, prove that nothing is lost."),
    "doctor": Where("infra.cli.doctor:doctor", "Check this machine and say what to do."),
    "test": Where("infra.cli.checks:test", "Run the tests."),
    "check": Where("infra.cli.checks:check", "Run everything that CI runs."),
}


def load(name: str) -> "typer.Typer":
    """A typer app with this one command, imported now."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    app = _empty()
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="vidette",
        help="An event-sourced stream processor on Kafka for cameras and AI inference.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_root)
    return app


def _root() -> None:
    """An event-sourced stream processor on Kafka for cameras and AI inference.

    Start with: ./vidette demo
    """


def _contents() -> typer.Typer:
    app = _empty()
    for name, where in COMMANDS.items():
        app.command(name, help=where.about)(_root)
    return app


def main(arguments: Sequence[str]) -> None:
    """Runs one command; a fault that a person can mend is one sentence and exit status 1."""
    name = arguments[0] if arguments else ""
    app = load(name) if name in COMMANDS else _contents()
    try:
        app(args=list(arguments), prog_name="vidette")
    except Exception as fault:
        said = sentence(fault)
        if said is None:
            raise
        typer.echo(f"error: {said}", err=True)
        sys.exit(1)
