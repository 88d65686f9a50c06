"""`./vidette migrate`: makes the tables of the read model, or brings them up to date."""

import asyncio
from functools import partial
from typing import Final

import asyncpg
import typer
from rich.console import Console

from infra import migrate as migration
from infra.endpoints import endpoints
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings

NO_ADMIN: Final = "set VIDETTE_DATABASE_ADMIN_URL to a role that may create schemas, then try again"


def migrate() -> None:
    """Make the read model's tables, or bring them up to date; safe to run again.

    Example: ./vidette migrate
    """
    console = Console(stderr=True, highlight=False)
    say = partial(console.print, markup=False, soft_wrap=True)
    try:
        found = endpoints(Settings())
        role = migration.role_of(found.database_url)
        asyncio.run(migration.migrate(admin_url(found), application_role=role, say=say))
    except (ServicesFailed, migration.CannotMigrate) as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        say(f"error: the database did not let us migrate: {said(error)}; see `./vidette doctor`")
        raise typer.Exit(1) from error


def admin_url(found: Endpoints) -> str:
    """The role that may migrate. Raises CannotMigrate, with the remedy, when none is named."""
    if not found.database_admin_url:
        raise migration.CannotMigrate(NO_ADMIN)
    return found.database_admin_url


def said(error: Exception) -> str:
    """What a database, or the way to it, complained of in one line; it never quotes passwords."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
