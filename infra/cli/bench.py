"""`./vidette bench`: what a step costs, beside a plain loop that does the same work."""

import sys
from importlib import import_module
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from infra.bench.rounds import Result, measure
from infra.settings import Settings
from infra.telemetry import configure

ROUNDS: Final = 5

Name = Literal[
    "transform", "sink", "sink-bare", "effects", "end-to-end", "rebuild", "idle", "stall"
]


class Where(NamedTuple):
    """A bench's place, `module:name`, and how many events it takes unless told otherwise."""

    place: str
    events: int


BENCHES: Final[dict[str, Where]] = {
    "transform": Where("infra.bench.transform:transform", 200_000),
    "sink": Where("infra.bench.sink:sink", 150_000),
    "sink-bare": Where("infra.bench.sink:sink_bare", 150_000),
    "rebuild": Where("infra.bench.rebuild:rebuild", 150_000),
    "effects": Where("infra.bench.effects:effects", 5_120),
    "end-to-end": Where("infra.bench.end_to_end:end_to_end", 60_000),
    "idle": Where("infra.bench.idle:idle", 30),
    "stall": Where("infra.bench.stall:stall", 1_000),
}


def bench(
    name: Annotated[Name, typer.Argument(help="What to measure; see docs/benchmarks.md.")],
    *,
    events: Annotated[
        int | None,
        typer.Option(min=1, help="Per run; each bench has its default.", show_default=False),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="After a warm-up.")] = ROUNDS,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON at the end.")
    ] = False,
) -> None:
    """Measure a part of Vidette beside a plain loop on the same data, in turns.

    Uses the services that are set, under a namespace and in a database of its own; else embedded
    ones are started for it, and removed.

    Example: ./vidette bench transform --json
    """
    from infra.bench.place import placed, served_s  # noqa: PLC0415  # takes a second to import

    console = Console(stderr=True, highlight=False, log_path=False)
    configure("error")
    module, _, attribute = BENCHES[name].place.partition(":")
    prepared = getattr(import_module(module), attribute)

    def say(text: str) -> None:
        console.log(text, markup=False)

    with placed(Settings(), say) as place, prepared(place, events or BENCHES[name].events) as both:
        result = measure(name, both, rounds=rounds, say=say, served_s=served_s)
    if as_json:
        sys.stdout.write(msgspec.json.encode(result.facts()).decode() + "\n")
    else:
        Console(highlight=False).print(shown(result))


def shown(result: Result) -> Table:
    """For people."""
    table = Table("measured", "value", title=f"bench {result.name}")
    for name, value in result.facts().items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    return table
