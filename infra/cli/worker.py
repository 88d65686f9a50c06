"""`./vidette worker`: runs steps."""

from typing import Annotated

import typer

from connectors.kafka.clients import Cluster
from connectors.kafka.topics import missing
from infra.endpoints import cluster, endpoints
from infra.services.endpoints import ServicesFailed
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
    from infra.assembly import providers  # noqa: PLC0415  # likewise
    from infra.worker import run  # noqa: PLC0415  # Faust takes a second to import

    names = tuple(filter(None, (name.strip() for name in steps.split(","))))
    unknown = [name for name in names if name not in STEPS]
    if unknown or not names:
        known = ", ".join(STEPS)
        text = f"{', '.join(unknown) or 'nothing'} is no step; there are: {known}"
        raise typer.BadParameter(text)
    settings = Settings()
    configure(settings.log_level)
    providers(settings)
    found = endpoints(settings)
    check_topics(cluster(settings, found))
    raise typer.Exit(run(settings, found, names))


def check_topics(kafka: Cluster) -> None:
    """Raises ServicesFailed when topics are missing."""
    lacking = missing(kafka)
    if lacking:
        text = f"topics are missing ({', '.join(lacking)}): run `./vidette topics apply`"
        raise ServicesFailed(text)
