"""`./vidette explain`: what happened to one event, told from the log in plain words."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
import typer

from connectors.kafka.log.tracing import Tracing
from infra.cli.dead_letters import printable
from infra.endpoints import kafka
from infra.settings import Settings
from streams import identity
from streams.telling.story import Story, tell

DAY: Final = timedelta(days=1)


def explain(
    event_id: Annotated[
        str,
        typer.Argument(
            metavar="EVENT_ID",
            help="Our id of the event or its outcome; with --camera the id that upstream gave it.",
        ),
    ],
    *,
    camera: Annotated[
        str | None,
        typer.Option(help="The camera of an event that upstream named, as upstream or we call it."),
    ] = None,
    days: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=3660,
            help="How long after the event to look; with --camera, also how far back for it.",
        ),
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Tell the story of one event from the log: who reported it, who was asked, what came of it.

    Example: ./vidette explain 019ceb4a-ab62-8034-a8d6-685979c8013e
    """
    story = asyncio.run(_story(event_id, camera, timedelta(days=days)))
    typer.echo("\n".join(json_lines(story) if as_json else shown(story)))


def shown(story: Story) -> list[str]:
    """For people."""
    told = [f"{line.at:%Y-%m-%d %H:%M:%S}  {printable(line.text)}" for line in story.lines]
    return [f"Event {story.event_id}", "", *told, "", story.stands]


def json_lines(story: Story) -> list[str]:
    """For programs: what happened, line by line, then how it stands."""
    stands = {"event_id": story.event_id, "kind": "stands", "text": story.stands}
    told = [{"event_id": story.event_id, **msgspec.to_builtins(line)} for line in story.lines]
    return [msgspec.json.encode(one).decode() for one in (*told, stands)]


async def _story(event_id: str, camera: str | None, within: timedelta) -> Story:
    tracing = Tracing(kafka(Settings()))
    id_ = _ours(event_id) if camera is None else await _named(tracing, camera, event_id, within)
    trail = (await tracing.traces(id_, within)).trail()
    if trail is None:
        text = (
            f"the log has nothing about {id_} in what was written from an hour before to "
            f"{within / DAY:g} days after the time in it; --days looks further. It must be the id "
            "of a camera event, or of an outcome of one"
        )
        raise _failed(text)
    return tell(trail)


def _ours(text: str) -> UUID:
    try:
        id_ = UUID(text)
        identity.moment(id_)
    except ValueError as error:
        why = f"{text} is no id of an event; for the one that upstream gave it name the --camera"
        raise typer.BadParameter(why) from error
    return id_


async def _named(tracing: Tracing, camera: str, native: str, within: timedelta) -> UUID:
    found = await tracing.ids(camera, native, datetime.now(UTC) - within)
    if len(found) == 1:
        return found.pop()
    text = (
        f"the log has no event {native} of camera {camera} in what was written in the last "
        f"{within / DAY:g} days; --days looks further back"
    )
    if found:
        those = ", ".join(sorted(map(str, found)))
        text = f"{len(found)} events of camera {camera} are called {native}; name one: {those}"
    raise _failed(text)


def _failed(why: str) -> typer.Exit:
    typer.echo(f"error: {printable(why)}", err=True)
    return typer.Exit(1)
