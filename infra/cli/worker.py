"""`./vidette worker`: runs steps."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final, NoReturn

import typer

from connectors.kafka.clients import Cluster
from connectors.kafka.topics import missing
from infra.endpoints import cluster, endpoints
from infra.services.endpoints import ServicesFailed
from infra.settings import Settings
from infra.telemetry import configure
from infra.topology import STEPS

SLOT_MAX: Final = 9999


def worker(
    *,
    steps: Annotated[
        str, typer.Option(help="Names separated by commas; all by default.", show_default=False)
    ] = ",".join(STEPS),
    processes: Annotated[
        int,
        typer.Option(
            min=0,
            max=100,
            help="Worker processes, kept going, in the slots from the first on; "
            "0: this very process, and nobody starts it again.",
        ),
    ] = 1,
    slot: Annotated[
        int | None,
        typer.Option(
            min=0, max=SLOT_MAX, help="The first slot; default: the setting VIDETTE_SLOT."
        ),
    ] = None,
) -> None:
    """Run steps until Ctrl-C.

    Several workers share the work; give each of one step another slot.

    Example: ./vidette worker --steps project,enrich --processes 2
    """
    from infra.providers.roster import providers  # noqa: PLC0415  # what agents call takes a while to import

    names = tuple(filter(None, (name.strip() for name in steps.split(","))))
    unknown = [name for name in names if name not in STEPS]
    if unknown or not names:
        known = ", ".join(STEPS)
        text = f"{', '.join(unknown) or 'nothing'} is no step; there are: {known}"
        raise typer.BadParameter(text)
    settings = Settings()
    settings = settings.model_copy(update={"slot": settings.slot if slot is None else slot})
    configure(settings.log_level)
    providers(settings)
    found = endpoints(settings)
    check_topics(cluster(settings, found))
    if processes:
        supervise(settings.slot, processes, names)
    from infra.worker import run  # noqa: PLC0415  # Faust takes a second to import

    raise typer.Exit(run(settings, found, names))


def supervise(first: int, processes: int, steps: Sequence[str]) -> NoReturn:
    """Becomes the supervisor of so many workers: a fresh, small process with the same id."""
    if first + processes - 1 > SLOT_MAX:
        text = f"slots end at {SLOT_MAX}"
        raise typer.BadParameter(text)
    worker = (sys.executable, "-m", "infra", "worker", "--processes", "0")
    command = (*worker, "--steps", ",".join(steps))
    supervisor = (sys.executable, "-m", "infra.operation.supervisor", str(first), str(processes))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, (*supervisor, "--", *command))  # noqa: S606  # our own interpreter


def check_topics(kafka: Cluster) -> None:
    """Raises ServicesFailed when topics are missing."""
    lacking = missing(kafka)
    if lacking:
        text = f"topics are missing ({', '.join(lacking)}): run `./vidette topics apply`"
        raise ServicesFailed(text)
