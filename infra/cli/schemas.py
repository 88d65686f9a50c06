"""`./vidette schemas`: what others read of our words, generated, compared or frozen."""

from typing import Annotated

import typer

from infra.publish_schemas import PUBLISHED, freeze, publish, stale
from infra.settings import ROOT


def schemas(
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if stale.")] = False,
    frozen: Annotated[
        str | None, typer.Option("--freeze", metavar="VERSION", help="Keep them as a release's.")
    ] = None,
) -> None:
    """Writes schemas/published/ from the words and topics. Example: ./vidette schemas --check."""
    names = stale() if check else publish()
    for name in names:
        typer.echo(f"{'stale' if check else 'written'}: {name}")
    if check and names:
        typer.echo("run `./vidette schemas` and check in what it writes", err=True)
        raise typer.Exit(1)
    if not names:
        typer.echo(f"{PUBLISHED.relative_to(ROOT)} is up to date")
    if frozen and not check:
        try:
            typer.echo(f"frozen: {freeze(frozen).relative_to(ROOT)}")
        except FileExistsError as error:
            typer.echo(f"{frozen} is frozen already, and frozen for ever", err=True)
            raise typer.Exit(1) from error
