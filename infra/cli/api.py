"""`./vidette api`: serves the HTTP API on this machine."""

import asyncio
import os

import typer
import uvloop

from infra.api import listening, serve
from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure


def api() -> None:
    """Serve the HTTP API until Ctrl-C.

    Its description is at /openapi.json; VIDETTE_API_PORT sets another port.

    Example: ./vidette api
    """
    settings = Settings()
    configure(settings.log_level)
    try:
        on = listening(settings.api_host, settings.api_port)
    except OSError as error:
        place, why = f"{settings.api_host}:{settings.api_port}", os.strerror(error.errno or 0)
        typer.echo(f"can't serve on {place} ({why}): set VIDETTE_API_PORT", err=True)
        raise typer.Exit(1) from error
    port = on.getsockname()[1]
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    endpoints(settings)  # before anything is promised
    typer.echo(f"API on http://{host}:{port}, for this machine only until there are keys", err=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, on:
        runner.run(serve(settings, on))
