"""`./vidette tail`: what comes into a topic, as it comes."""

import asyncio
from typing import Annotated, Final

import typer
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from connectors.kafka.clients import Cluster
from infra.endpoints import kafka as kafka_of
from infra.settings import Settings
from streams.telling import choosing
from streams.telling.traces import decoded
from streams.topics import catalogue

SHOWN_MAX: Final = 4000


def tail(
    topic: Annotated[str, typer.Argument(help="A topic of the catalogue, such as ai.events.v1.")],
    *,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Everything that is kept, then what comes.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("-n", "--count", min=1, help="End after so many records.")
    ] = None,
) -> None:
    """Show the committed records of a topic as they come: place, key, value, and what it means.

    Under what failed or was left out a line says in plain words what happened and what to do.

    Example: ./vidette tail ai.events.v1 --from-beginning
    """
    names = [known.name for known in catalogue()]
    if topic not in names:
        text = f"{topic} is no topic; there are: {', '.join(names)}"
        raise typer.BadParameter(text)
    settings = Settings()
    kafka = kafka_of(settings)
    asyncio.run(_tail(kafka, kafka.named(topic), count, from_beginning=from_beginning))


async def _tail(kafka: Cluster, topic: str, count: int | None, *, from_beginning: bool) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        **kafka.aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest" if from_beginning else "latest",
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        async for record in consumer:
            typer.echo(shown(record))
            told = meaning(kafka.catalogued(record.topic), record.value)
            if told is not None:
                typer.echo(f"    {told}")
            count = count - 1 if count is not None else None
            if count == 0:
                return
    finally:
        await consumer.stop()


def shown(record: "ConsumerRecord[bytes, bytes]") -> str:
    """One line; control characters can't play tricks on a terminal."""
    key = (record.key or b"").decode("utf-8", "replace")
    value = (record.value or b"")[:SHOWN_MAX].decode("utf-8", "replace")
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in f"{key} {value}")
    return f"{record.topic}[{record.partition}]@{record.offset} {safe}"


def meaning(topic: str, value: bytes | None) -> str | None:
    """What happened and what to do, where something failed or was left out."""
    told = choosing.of_word(decoded(topic, value)) if value is not None else None
    return str(told) if told else None
