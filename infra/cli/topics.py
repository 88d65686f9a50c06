"""`./vidette topics`: the catalogue against a Kafka."""

from typing import Annotated

import typer

from connectors.kafka.clients import Cluster
from connectors.kafka.topics import apply as carry_out
from connectors.kafka.topics import compare
from infra.endpoints import kafka as kafka_of
from infra.settings import Settings
from streams.topic_plan import Alter, Change, Create, Layout, Refuse

topics = typer.Typer(help="Look at the topics and make them.", no_args_is_help=True)


@topics.callback()
def _topics() -> None:
    """Look at the topics and make them."""


@topics.command("apply")
def apply(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the difference.")] = False,
) -> None:
    """Create what is missing, change what may be changed, refuse what would lose data.

    Example: ./vidette topics apply --dry-run
    """
    settings = Settings()
    kafka = kafka_of(settings)
    changes = apply_topics(kafka, layout(settings), dry_run=dry_run)
    for change in changes:
        typer.echo(shown(change))
    if not changes:
        typer.echo("every topic is as the catalogue wants it")
    if any(isinstance(change, Refuse) for change in changes):
        raise typer.Exit(1)


def layout(settings: Settings) -> Layout:
    """How topics are made."""
    return Layout(settings.topic_partitions, settings.topic_replication)


def apply_topics(kafka: Cluster, wanted: Layout, *, dry_run: bool = False) -> tuple[Change, ...]:
    """The difference, carried out as far as it may be."""
    changes = compare(kafka, wanted)
    if not dry_run:
        carry_out(kafka, changes)
    return changes


def shown(change: Change) -> str:
    """One line for a person."""
    match change:
        case Create(topic, partitions, replication, _):
            return f"+ {topic}: {partitions} partitions, {replication} replicas"
        case Alter(topic, configs, before):
            return "\n".join(f"~ {topic}: {k} {before[k]} -> {v}" for k, v in configs.items())
        case Refuse(topic, why):
            return f"! {topic}: refused: {why}"
