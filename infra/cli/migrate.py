"""`./vidette migrate`: makes the tables of the read model, or brings them up to date."""

import asyncio

import typer

from infra import migrate as migration
from infra.endpoints import endpoints
from infra.settings import Settings


def migrate() -> None:
    """Make the read model's tables, or bring them up to date; safe to run again.

    Example: ./vidette migrate
    """
    found = endpoints(Settings())
    admin_url = migration.admin_url_of(found.database_admin_url)
    role = migration.role_of(found.database_url)
    asyncio.run(migration.migrate(admin_url, application_role=role, say=typer.echo))
