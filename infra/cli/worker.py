"""`./vidette worker`: runs steps."""

from typing import Annotated

import typer

from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure
from infra.topology import STEPS


def worker(
    *,
    steps: Annotated[
        str, typer.Option(help="Names separated by commas; all by default.", show_default=False)
    ] = ",".join(STEPS),
) -> None:
    """Run steps until Ctrl-C.

    Several workers share the work; give each of one step another VIDETTE_SLOT.

    Example: ./vidette worker --steps project,enrich
    """
    from infra.worker import run  # noqa: PLC0415  # Faust takes a second to import

    names = tuple(filter(None, (name.strip() for name in steps.split(","))))
    unknown = [name for name in names if name not in STEPS]
    if unknown or not names:
        known = ", ".join(STEPS)
        text = f"{', '.join(unknown) or 'nothing'} is no step; there are: {known}"
        raise typer.BadParameter(text)
    settings = Settings()
    configure(settings.log_level)
    raise typer.Exit(run(settings, endpoints(settings), names))
