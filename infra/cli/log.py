"""`./vidette log`: the log into a file, and back into an empty Kafka."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from connectors.archive.file import Head, check, head, records, writing
from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from connectors.kafka.log.restoring import restore as write_back
from infra.cli.topics import apply_topics
from infra.cli.worker import check_topics
from infra.endpoints import kafka as kafka_of
from infra.settings import Settings
from streams.projection.ports import Log
from streams.records import Partition
from streams.topic_plan import Layout, check_alone, check_room
from streams.topics import AI_EVENTS, DEAD_LETTERS, WEEK, catalogue

log = typer.Typer(help="Save the log into a file, and restore it.", no_args_is_help=True)

KEPT = tuple(topic.name for topic in catalogue() if topic.kept is None or topic.kept > WEEK)
"""What is saved: the topics that are kept for longer than it takes to work on their records."""

SPEAK_OF_OTHERS = frozenset({AI_EVENTS.name, DEAD_LETTERS.name})
"""An outcome has its attempts in another topic, a redrive its record, in one transaction."""


@log.callback()
def _log() -> None:
    """Save the log into a file, and restore it."""


@log.command("save")
def save(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Such as log.jsonl.gz.")],
) -> None:
    """Write every committed record of the topics that are kept into one file.

    Workers may go on; what comes later is not in the file. Frames are in the media store.

    Example: ./vidette log save log.jsonl.gz
    """
    kafka = kafka_of(Settings())
    check_topics(kafka)
    typer.echo(f"{asyncio.run(_save(kafka, file))} records saved in {file}")


async def _save(kafka: Cluster, file: Path) -> int:
    """What committed records speak of is saved too.

    A transaction ends in one partition after the other. So the others are asked for their ends
    later, and those count what is open: reading up to them waits for the markers on their way.
    """
    logs = await History(kafka, SPEAK_OF_OTHERS).logs()
    logs |= await History(kafka, set(KEPT) - SPEAK_OF_OTHERS).logs(open_too=True)
    widths = {topic: sum(partition.topic == topic for partition in logs) for topic in KEPT}
    with writing(file, Head(1, datetime.now(UTC).isoformat(), widths)) as writer:
        spans = {partition: (log.first, log.end or 0) for partition, log in logs.items()}
        async for batch in History(kafka, KEPT).read(spans):
            writer.write(batch)
    return writer.records


@log.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `save` wrote.")],
) -> None:
    """Write a saved log into topics that were never used, and make them if they are missing.

    Run it before any worker; then `./vidette projections rebuild --accept` makes the tables.

    Example: ./vidette log restore log.jsonl.gz
    """
    settings = Settings()
    kafka, what = kafka_of(settings), head(file)
    count = check(file)
    width = max(what.partitions.values(), default=settings.topic_partitions)
    apply_topics(kafka, Layout(width, settings.topic_replication))
    history = History(kafka, what.partitions)
    check_room(asyncio.run(_logs(history)), what.partitions)
    write_back(kafka, what.partitions, records(file))
    check_alone(asyncio.run(_logs(history)), count)
    typer.echo(f"{count} records restored, saved at {what.saved_at}")
    typer.echo("now: ./vidette projections rebuild --accept")


async def _logs(history: History) -> dict[Partition, Log]:
    return await history.logs()
