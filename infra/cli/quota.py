"""`./vidette quota`: what was spent of which limit, and counting anew."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from connectors.postgres.budgets import PostgresBudgets
from infra.cli.providers import Name, Reason, issue, issued, known
from infra.endpoints import endpoints
from infra.endpoints import kafka as kafka_of
from infra.settings import Settings
from infra.spending.keeping import places
from streams.quota.limits import EVERYBODY
from streams.quota.overview import Stands, stands

quota = typer.Typer(help="See what was spent, and count anew.", no_args_is_help=True)


@quota.callback()
def _quota() -> None:
    """See what was spent, and count anew."""


@quota.command("show")
def show(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False
) -> None:
    """Show what is taken of each window, and of its limit if it has one.

    Example: ./vidette quota show --json
    """
    settings = Settings()
    found = asyncio.run(standing(settings, endpoints(settings).database_url))
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(one))
    else:
        Console(highlight=False, markup=False).print(shown(found))


@quota.command("reset")
def reset(name: Name, *, reason: Reason) -> None:
    """Count what a provider uses from now on, in the hour, the day and the month that go on.

    Example: ./vidette quota reset openai --reason "the vendor gave us more"
    """
    settings = Settings()
    name = known(name, settings)
    issue(kafka_of(settings), issued(reason).reset_quota(name))
    typer.echo(f"{name} is counted from now on", err=True)


def shown(found: Sequence[Stands]) -> Table:
    """For people: what is limited or used."""
    table = Table("provider", "window", "measure", "taken", "limit", "%", "exhausted")
    for one in found:
        if one.limit is not None or one.taken != "0":
            lent = "" if one.lent == "0" else f" ({one.lent} lent)"
            table.add_row(
                "all beyond the site" if one.provider == EVERYBODY else one.provider,
                f"{one.window} from {one.window_began:%F %H:%M} UTC",
                one.measure,
                one.taken + lent,
                one.limit or "-",
                "-" if one.percent is None else str(one.percent),
                f"{one.exhausted_at:%F %H:%M} UTC" if one.exhausted_at else "-",
            )
    return table


async def standing(settings: Settings, database_url: str) -> Sequence[Stands]:
    """How all of them stand now. Raises StoreAway."""
    store = PostgresBudgets(database_url)
    try:
        return list(stands(await store.standings(places(settings)), datetime.now(UTC)))
    finally:
        await store.close()
