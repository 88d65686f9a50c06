"""`./vidette providers`: how they are, who is asked first or not at all, and what is forgotten."""

import asyncio
import getpass
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.shared import KafkaShared
from infra.endpoints import kafka as kafka_of
from infra.prompts.loading import FOLDER, prompts
from infra.providers import roster
from infra.settings import Settings
from schemas.commands import Commands
from streams.control import records
from streams.control.issuing import Issue, first
from streams.providers.health.board import Board
from streams.providers.health.breaker import By
from streams.providers.health.overview import Overview, overview
from streams.providers.orders import EVERY_KIND
from streams.queries import Unavailable

READ_TIMEOUT_S: Final = 30.0

providers = typer.Typer(help="See and steer the providers.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="PROVIDER", help="As the order writes it.")]
Reason = Annotated[str, typer.Option(help="Why; the log of commands keeps it.")]


@providers.callback()
def _providers() -> None:
    """See and steer the providers."""


@providers.command("list")
def list_providers(
    *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False
) -> None:
    """Show the order, the breakers and the blacklist, as the log has them.

    Example: ./vidette providers list --json
    """
    settings, now = Settings(), datetime.now(UTC)
    board = asyncio.run(read(kafka_of(settings)))
    found = list(overview(board, roster.names(settings), roster.order(settings), now))
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(one))
    else:
        Console(highlight=False, markup=False).print(shown(found))


@providers.command("switch")
def switch(
    order: Annotated[
        str, typer.Argument(metavar="ORDER", help="Names by commas; a single one goes first.")
    ],
    *,
    reason: Reason,
) -> None:
    """Ask providers in another order, from now on.

    Example: ./vidette providers switch motion --reason "openai is slow today"
    """
    settings = Settings()
    kafka = kafka_of(settings)
    names = [known(name, settings) for name in filter(None, map(str.strip, order.split(",")))]
    if len(set(names)) != len(names) or not names:
        raise typer.BadParameter("name each provider once")
    if len(names) == 1:
        switched = asyncio.run(read(kafka)).orders.switched
        names = [*first(names[0], switched.order if switched else roster.order(settings))]
    issue(kafka, issued(reason).switch(names))
    typer.echo(f"asked in this order now: {', '.join(names)}", err=True)


@providers.command("blacklist")
def blacklist(
    name: Name,
    *,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=527_040, help="Without it: until it is lifted."),
    ] = None,
    reason: Reason,
) -> None:
    """Ask a provider no more, for a time or until it is lifted.

    Example: ./vidette providers blacklist motion --minutes 30 --reason "answers nonsense"
    """
    settings = Settings()
    name = known(name, settings)
    issue(kafka_of(settings), issued(reason).blacklist(name, minutes))
    typer.echo(f"{name} is not asked any more", err=True)


@providers.command("unblacklist")
def unblacklist(name: Name, *, reason: Reason) -> None:
    """Lift what put a provider, its key or its model on the blacklist.

    Example: ./vidette providers unblacklist motion --reason "the key is new"
    """
    settings = Settings()
    name = known(name, settings)
    issue(kafka_of(settings), issued(reason).unblacklist(name))
    typer.echo(f"{name} may be asked again", err=True)


@providers.command("clear-cache")
def clear_cache(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="Of prompts, such as person; or all.")
    ],
    *,
    reason: Reason,
) -> None:
    """Use no answer again that was given until now to prompts of a kind.

    Example: ./vidette providers clear-cache person --reason "the prompt was wrong"
    """
    settings = Settings()
    kinds = (*prompts(settings.prompts_folder or FOLDER).texts, EVERY_KIND)
    if kind not in kinds:
        text = f"{kind}: no such kind; known are: {', '.join(kinds)}"
        raise typer.BadParameter(text)
    issue(kafka_of(settings), issued(reason).clear_cache(kind))
    typer.echo(f"answers of before are not used any more: {kind}", err=True)


async def read(kafka: Cluster) -> Board:
    """What the log says of providers now. Raises Unavailable."""
    board = Board(By("cli", 0.0))
    publisher = KafkaPublisher(kafka)
    shared = KafkaShared(kafka, publisher)
    following = asyncio.create_task(shared.follow(board.read, board.orders.apply))
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            await shared.ready()
    except TimeoutError as error:
        text = f"the topics could not be read within {READ_TIMEOUT_S:g} s"
        raise Unavailable("kafka", text) from error
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await publisher.close()
    return board


def shown(found: Sequence[Overview]) -> Table:
    """For people."""
    table = Table("turn", "provider", "breaker", "blacklist")
    for one in found:
        breaker = one.breaker if one.breaker_why is None else f"{one.breaker}{_until(one)}"
        listed = [
            f"{entry.scope} {entry.subject}".strip()
            + (f" until {entry.until:%F %T} UTC: " if entry.until else ": ")
            + (entry.why.detail or str(entry.why.error_class))
            for entry in one.blacklist
        ]
        table.add_row(str(one.place or "-"), one.provider, breaker, "\n".join(listed) or "-")
    return table


def _until(one: Overview) -> str:
    return f" until {one.breaker_until:%F %T} UTC" if one.breaker_until else ""


def known(name: str, settings: Settings) -> str:
    """A provider as the log calls it. Raises BadParameter."""
    known = roster.names(settings)
    if roster.named(name) not in known:
        text = f"{name}: no such provider; known are: {', '.join(known)}"
        raise typer.BadParameter(text)
    return roster.named(name)


def issued(reason: str) -> Issue:
    """A command of whoever is at this terminal, now."""
    by = "cli"
    with suppress(OSError, KeyError):  # a user that has no name
        by = getpass.getuser()
    return Issue(datetime.now(UTC), by, reason, uuid.uuid4().hex)


def issue(kafka: Cluster, command: Commands) -> None:
    """Returns when the log has it. Raises Unavailable."""
    asyncio.run(_publish(kafka, command))


async def _publish(kafka: Cluster, command: Commands) -> None:
    publisher = KafkaPublisher(kafka)
    try:
        await publisher.publish(records.command(command, "cli"))
    finally:
        await publisher.close()
