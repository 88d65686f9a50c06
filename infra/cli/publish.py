"""`./vidette publish`: events from a file or standard input, one JSON object a line."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.console import Console
from rich.progress import Progress

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from infra.endpoints import kafka as kafka_of
from infra.settings import Settings
from schemas.codec import EVENT_BYTES_MAX, Undecodable
from streams.publishing import UPSTREAM, accepted, record
from streams.queries import Acknowledged

UNDER_WAY_MAX: Final = 10_000
"""Records handed over and not acknowledged; then we wait for them."""


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines; - is standard input.")],
) -> None:
    """Publish events, one JSON object a line.

    The topic follows from each event's `type`. A line that is no valid event is refused with its
    number and field; nothing else is harmed.

    Example: ./vidette example smart-detection | ./vidette publish -
    """
    settings = Settings()
    kafka = kafka_of(settings)
    with _opened(file) as lines:
        published, refused = asyncio.run(publish_lines(kafka, lines))
    typer.echo(f"{published} published, {refused} refused", err=True)
    if refused:
        raise typer.Exit(1)


async def publish_lines(kafka: Cluster, lines: BinaryIO) -> tuple[int, int]:
    """How many were acknowledged and how many refused. Raises Unavailable."""
    publisher = KafkaPublisher(kafka)
    published = refused = number = 0
    under_way: list[asyncio.Future[Acknowledged]] = []
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("publishing", total=_size(lines))
        for line in _lines(lines):
            number += 1
            progress.advance(task, len(line))
            value = line.strip()
            if not value and len(line) <= EVENT_BYTES_MAX:
                continue
            try:
                event = accepted(UPSTREAM, value or line)
            except Undecodable as error:
                refused += 1
                field = f" field {error.field}:" if error.field else ""
                typer.echo(f"line {number}:{field} {error.detail}", err=True)
                continue
            under_way.append(publisher.begin(record(event, value=value)))
            if len(under_way) >= UNDER_WAY_MAX:
                published += len(await asyncio.gather(*under_way))
                under_way.clear()
        published += len(await asyncio.gather(*under_way))
    return published, refused


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of any length, but never more of one in memory than an event may have."""
    while line := file.readline(EVENT_BYTES_MAX + 2):
        too_long = len(line) > EVENT_BYTES_MAX
        yield line
        while too_long and not line.endswith(b"\n") and line:
            line = file.readline(EVENT_BYTES_MAX)


def _size(file: BinaryIO) -> int | None:
    """Bytes to read, when the file knows."""
    return Path(file.name).stat().st_size if file is not sys.stdin.buffer else None


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115  # closed below, errors told apart
    except OSError as error:
        text = f"{file} can't be read: {error.strerror}"
        raise typer.BadParameter(text) from error
    with opened:
        yield opened
