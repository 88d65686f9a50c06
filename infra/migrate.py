"""Makes the database's schemas, or brings them up to date; safe to run again, and by many at once.

Alembic keeps the history and writes the SQL, asyncpg runs it: one transaction, no second driver.
"""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from connectors.postgres.connection import READ_MODEL, Connection, quoted
from connectors.postgres.sink import DAYS_AHEAD
from connectors.postgres.starts import OPERATION

POSTGRESQL_MIN: Final = 15
"""Debian 12's; older ones were never tried."""

SETTINGS: Final = {"application_name": "vidette-migrate", "timezone": "UTC"}
ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('vidette migrate', 0))"
"""Whoever comes second waits, and then finds the work done."""

MIGRATIONS: Final = Path(__file__).resolve().parent / "migrations"

GRANTS: Final[Mapping[str, str]] = {
    "ai_events": "select, insert",
    "provider_attempts": "select, insert",
    "clips": "select, insert",
    "answers": "select, insert",
    "devices": "select, insert, update",
    "events_per_hour": "select, insert, update",
    "projection_offsets": "select, insert, update",
}
"""What the application's role may do, and all it may do."""

GRANTS_OF_OPERATION: Final[Mapping[str, str]] = {
    "unfinished_starts": "select, insert, delete",
    "budget_windows": "select, insert, update, delete",
    "budget_leases": "select, insert, update, delete",
    "budget_resets": "select, insert",
}
"""Likewise in the schema of the workers' own state, which no rebuild touches."""


class MigrationFailed(Exception):  # noqa: N818  # what it says is a state of the database
    """The database is not one that can be migrated; the sentence says what to do."""


async def migrate(
    admin_url: str,
    *,
    application_role: str,
    schema: str = READ_MODEL,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Brings `schema` to the newest revision, with its grants and partitions.

    Raises MigrationFailed: no such database, too old a PostgreSQL, a missing role, a newer schema.
    """
    try:
        connection = await asyncpg.connect(admin_url, server_settings=SETTINGS)
        try:
            await _check(connection, application_role)
            async with connection.transaction():
                await _migrate(connection, application_role, schema, say)
                if schema == READ_MODEL:
                    await _operation(connection, application_role, say)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]  # drivers never quote passwords
        text = f"the database did not let us migrate: {said}; see `./vidette doctor`"
        raise MigrationFailed(text) from error


async def _migrate(
    connection: Connection, role: str, schema: str, say: Callable[[str], None]
) -> None:
    await connection.execute(ONE_AT_A_TIME)
    await _enter(connection, schema)
    await _upgrade(connection, schema, MIGRATIONS, say)
    await _grant(connection, schema, GRANTS, role)
    await connection.execute(
        f"grant execute on function ensure_partitions(date, date) to {quoted(role)}"
    )
    today = datetime.now(UTC).date()
    span = (today - timedelta(days=1), today + DAYS_AHEAD)
    made = await connection.fetchval("select ensure_partitions($1, $2)", *span)
    say(f"{schema}: partitions ready until {span[1]} ({made} made)")


async def _operation(connection: Connection, role: str, say: Callable[[str], None]) -> None:
    await _enter(connection, OPERATION)
    await _upgrade(connection, OPERATION, MIGRATIONS / OPERATION, say)
    await _grant(connection, OPERATION, GRANTS_OF_OPERATION, role)


async def _enter(connection: Connection, schema: str) -> None:
    await connection.execute(f"create schema if not exists {quoted(schema)}")
    await connection.execute(f"set local search_path to {quoted(schema)}, pg_temp")


def role_of(database_url: str) -> str:
    """Who the application is in a database URL. Raises MigrationFailed when it names nobody."""
    parts = urlsplit(database_url)
    named = parse_qs(parts.query).get("user", [])
    role = unquote(parts.username) if parts.username else "".join(named[:1])
    if not role:
        raise MigrationFailed(
            "VIDETTE_DATABASE_URL names no user: write postgresql://USER@HOST/NAME"
        )
    return role


def admin_url_of(url: str) -> str:
    """The administrator's database URL. Raises MigrationFailed when it is missing."""
    if not url:
        raise MigrationFailed("set VIDETTE_DATABASE_ADMIN_URL to a role that may create schemas")
    return url


async def _check(connection: Connection, role: str) -> None:
    version = connection.get_server_version()
    if version.major < POSTGRESQL_MIN:
        text = f"PostgreSQL {version.major} is too old: use {POSTGRESQL_MIN} or newer"
        raise MigrationFailed(text)
    if not await connection.fetchval("select true from pg_roles where rolname = $1", role):
        text = f'the role "{role}" of database_url does not exist: create it, then migrate again'
        raise MigrationFailed(text)


async def _upgrade(
    connection: Connection, schema: str, folder: Path, say: Callable[[str], None]
) -> None:
    script = ScriptDirectory(str(folder))
    current = None
    if await connection.fetchval("select to_regclass('alembic_version')"):
        current = await connection.fetchval("select version_num from alembic_version")
    newest = script.get_current_head()
    if current == newest:
        say(f"{schema}: already at {newest}")
        return
    if current not in {None, *(revision.revision for revision in script.walk_revisions())}:
        text = f"{schema} is at {current}, which this program does not know: run a newer Vidette"
        raise MigrationFailed(text)
    await connection.execute(_sql(script, current))
    say(f"{schema}: migrated to {newest}")


def _sql(script: ScriptDirectory, current: str | None) -> str:
    """The statements that lead from `current` (None: from nothing) to the newest revision."""
    written = io.StringIO()

    def steps(_heads: object, _context: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", current or "base")  # noqa: SLF001  # as alembic does

    config = Config()
    with EnvironmentContext(
        config, script, fn=steps, as_sql=True, starting_rev=current
    ) as environment:
        environment.configure(
            dialect_name="postgresql",
            output_buffer=written,
            dialect_opts={"paramstyle": "named"},  # else every % in a function's text is doubled
        )
        environment.run_migrations()
    return written.getvalue()


async def _grant(connection: Connection, schema: str, grants: Mapping[str, str], role: str) -> None:
    who = quoted(role)
    await connection.execute(f"grant usage on schema {quoted(schema)} to {who}")
    for table, rights in grants.items():
        await connection.execute(f"grant {rights} on {table} to {who}")
