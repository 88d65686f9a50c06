"""`./vidette projections`: the read model made anew from the log."""

import asyncio
import json
from dataclasses import asdict
from functools import partial
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from connectors.kafka.log.history import History
from connectors.postgres.rebuild import Checksum
from infra.endpoints import cluster, endpoints
from infra.migrate import admin_url_of
from infra.operation.witness import witnessed
from infra.rebuild import FRESH, OLD, Databases, RebuildFailed, Report
from infra.rebuild import rebuild as carry_out
from infra.settings import Settings
from streams.projection.project import PROJECTED

projections = typer.Typer(help="Rebuild the read model from the log.", no_args_is_help=True)


@projections.callback()
def _projections() -> None:
    """Rebuild the read model from the log."""


@projections.command("rebuild")
def rebuild(
    *,
    accept: Annotated[
        bool,
        typer.Option(help="Swap even if the live tables are not what the log says."),
    ] = False,
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help=f"Keep the tables of before, in schema {OLD}.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON at the end.")
    ] = False,
) -> None:
    """Fold the log into fresh tables, compare them with the live ones, and swap if they are equal.

    Workers may go on meanwhile. Exit status 1, and both kept, when they are not equal.

    Example: ./vidette projections rebuild
    """
    from infra.running import collect_rarely  # noqa: PLC0415  # what workers need, for one command

    console = Console(stderr=True, highlight=False)
    settings = Settings()
    found = endpoints(settings)
    databases = Databases(found.database_url, admin_url_of(found.database_admin_url))
    history = History(cluster(settings, found), (topic.name for topic in PROJECTED))
    say = partial(console.print, markup=False, soft_wrap=True)
    collect_rarely()

    async def watched() -> Report:
        folder = settings.folder / "journals" / "rebuild" / (settings.namespace or "default")
        async with witnessed(folder, settings.stall_timeout_s, say) as guard:
            return await carry_out(
                databases, history, guard=guard, accept=accept, keep_old=keep_old, say=say
            )

    try:
        report = asyncio.run(watched())
    except (RebuildFailed, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        say(f"error: the rebuild stopped: {str(error) or type(error).__name__}")
        raise typer.Exit(1) from error
    show(console, report)
    if as_json:
        typer.echo(as_line(report))
    if not report.swapped:
        raise typer.Exit(1)


def show(console: Console, report: Report) -> None:
    """A table for people, and what it means."""
    table = Table("table", "rows", "from the log", "checksum", "from the log", "equal")
    for each in report.tables:
        sums = (fingerprint(each.live), fingerprint(each.fresh))
        yes = "-" if report.incomparable else "yes" if each.equal else "NO"
        table.add_row(each.table, str(each.live.rows), str(each.fresh.rows), *sums, yes)
    console.print(table)
    if report.incomparable:
        console.print(f"not compared: {report.incomparable}", markup=False, soft_wrap=True)
    if report.passed_over:
        console.print(f"{report.passed_over} records have no rows: they are dead letters")
    console.print(verdict(report), markup=False, soft_wrap=True)


def fingerprint(checksum: Checksum) -> str:
    """Short enough for a table; what decides is the whole sum."""
    return f"{int(checksum.total) % 2**64:016x}"[:10]


def verdict(report: Report) -> str:
    """What became of it, in one sentence."""
    did = f"{report.records} records folded in {report.seconds:.1f} s"
    if report.swapped:
        return f"{did}; the read model is the fresh one now"
    return (
        f"{did}; the live tables were left as they are, the fresh ones are in schema {FRESH}: "
        "look at the difference, then rebuild with --accept to swap"
    )


def as_line(report: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(
        {
            "equal": report.equal,
            "incomparable": report.incomparable,
            "swapped": report.swapped,
            "records": report.records,
            "passed_over": report.passed_over,
            "seconds": round(report.seconds, 3),
            "tables": [{**asdict(table), "equal": table.equal} for table in report.tables],
        }
    )
