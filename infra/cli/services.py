"""`./vidette services`: runs the embedded Kafka and PostgreSQL until it is told to stop."""

import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from infra.prepare import prepare
from infra.services.embedded import Running, supervised
from infra.services.endpoints import ServicesFailed
from infra.settings import Settings

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """A signal asked us to stop; not an error, so nothing but `services` may catch it."""


def services(
    *,
    folder: Annotated[
        Path | None, typer.Option(help="Where data is kept; default: the setting VIDETTE_FOLDER.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON with the addresses when ready.")
    ] = False,
) -> None:
    """Run an embedded Apache Kafka and PostgreSQL until Ctrl-C.

    Topics and tables are made too, so that `./vidette worker` can start.

    Example: ./vidette services --json
    """
    console = Console(stderr=True, highlight=False, log_path=False)
    settings = Settings()
    home = folder or settings.folder
    _stop_on_signals()
    say = partial(console.log, markup=False)
    try:
        with (
            console.status("Starting ...") as status,
            supervised(home, say, cache_folder=settings.cache_folder) as running,
        ):
            status.update("Making topics and tables ...")
            prepare(settings, running.endpoints, say)
            status.stop()
            _show(console, running, home, as_json=as_json)
            while not running.is_broken:
                time.sleep(0.5)  # A signal ends it by an exception.
            _ignore_signals()
    except _Stopped:
        console.log("The services have stopped.")
    except ServicesFailed as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    else:
        raise typer.Exit(1)


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        _ignore_signals()
        raise _Stopped

    for number in ENDING_SIGNALS:
        signal.signal(number, stop)


def _ignore_signals() -> None:
    for number in ENDING_SIGNALS:  # Stopping takes a moment; impatience must not cut it off.
        signal.signal(number, signal.SIG_IGN)


def _show(console: Console, running: Running, home: Path, *, as_json: bool) -> None:
    endpoints = running.endpoints
    if as_json:
        sys.stdout.write(endpoints.to_json() + "\n")
        sys.stdout.flush()
    else:
        console.print(f"Kafka          {endpoints.bootstrap_servers}", soft_wrap=True)
        console.print(f"PostgreSQL     {_masked(endpoints.database_url)}", soft_wrap=True)
        console.print(f"  as its admin {_masked(endpoints.database_admin_url)}", soft_wrap=True)
        console.print(f"with passwords {home / 'services.json'}", soft_wrap=True)
    console.log(f"Ready. Data is kept in {home}. Ctrl-C stops.")


def _masked(url: str) -> str:
    """The URL without its password: what is on a screen ends up in a log or a picture."""
    scheme, _, rest = url.partition("://")
    login, _, place = rest.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}:***@{place}"
