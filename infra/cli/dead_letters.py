"""`./vidette dead-letters`: what could not be processed, why, and another chance for it."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, NoReturn
from uuid import UUID

import msgspec
import typer

from connectors.kafka.log.dead_letters import DeadLetters
from connectors.media.folder import FolderStore
from infra.endpoints import kafka
from infra.settings import Settings
from streams.dead_letters import DeadLetter
from streams.poison.redriving import NotRedriven

SHOWN_MAX: Final = 64 * 1024

letters = typer.Typer(help="List, show and redrive dead letters.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="Only those of this reason, such as malformed.")]
Step = Annotated[str | None, typer.Option(help="Only those that this step wrote.")]
Topic = Annotated[str | None, typer.Option(help="Only those about records of this topic.")]


@letters.callback()
def _letters() -> None:
    """List, show and redrive dead letters."""


@letters.command("list")
def list_letters(
    *,
    reason: Reason = None,
    step: Step = None,
    topic: Topic = None,
    redriven: Annotated[bool, typer.Option("--all", help="Redriven ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the open letters, oldest first: what nobody has redriven yet.

    Example: ./vidette dead-letters list --reason malformed
    """
    found = asyncio.run(_box().all())
    for letter in picked(found, reason=reason, step=step, topic=topic, redriven=redriven):
        typer.echo(json_line(letter) if as_json else line(letter))


@letters.command("show")
def show(
    letter_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Only the value, byte for byte: correct it, redrive it.")
    ] = False,
) -> None:
    """Show a letter: its headers and the value that could not be processed.

    Example: ./vidette dead-letters show 1a8d6d73-6292-8255-996f-0a6512bc6ab9 --raw > value.json
    """
    try:
        headers, value = asyncio.run(_content(letter_id))
    except NotRedriven as why:
        _fail(str(why))
    if raw:
        sys.stdout.buffer.write(value or b"")
        sys.stdout.buffer.flush()
        return
    for name, text in headers:
        typer.echo(f"{printable(name)}: {printable(text)}")
    shown = printable((value or b"")[:SHOWN_MAX].decode("utf-8", "replace"))
    more = f"… ({len(value)} bytes)" if value and len(value) > SHOWN_MAX else ""
    typer.echo(f"\n{shown}{more}" if value is not None else "\n(no value)")


@letters.command("redrive")
def redrive(
    ids: Annotated[
        list[UUID] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")
    ] = None,
    *,
    reason: Reason = None,
    step: Step = None,
    topic: Topic = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open letter.")] = False,
    value: Annotated[
        Path | None, typer.Option(help="A corrected value, for one ID.", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Even if it was redriven before.")] = False,
) -> None:
    """Give letters another chance: each goes to the one step that wrote it, once.

    Example: ./vidette dead-letters redrive 1a8d6d73-6292-8255-996f-0a6512bc6ab9 --value value.json
    """
    filtered = any((reason, step, topic, everything))
    if bool(ids) == filtered:
        raise typer.BadParameter("name letters by ID, or by --reason, --step, --topic or --all")
    if value and len(ids or ()) != 1:
        raise typer.BadParameter("--value corrects one letter: name it by its ID")
    corrected = {ids[0]: _read(value)} if value and ids else {}
    try:
        chosen = ids or [letter.id for letter in asyncio.run(_open(reason, step, topic))]
        result = asyncio.run(_box().redrive(chosen, corrected=corrected, again=again))
    except NotRedriven as why:
        _fail(str(why))
    for refusal in result.refused.values():
        typer.echo(f"error: {refusal}", err=True)
    typer.echo(f"{len(result.done)} redriven, {len(result.refused)} refused", err=True)
    if result.refused:
        raise typer.Exit(1)


def picked(
    found: Sequence[DeadLetter],
    *,
    reason: str | None = None,
    step: str | None = None,
    topic: str | None = None,
    redriven: bool = False,
) -> list[DeadLetter]:
    """Those that pass every filter; open ones only, unless `redriven` ones are wanted too."""
    return [
        letter
        for letter in found
        if reason in {None, letter.reason}
        and step in {None, letter.step}
        and topic in {None, letter.source.topic}
        and (redriven or not letter.redriven)
    ]


def line(letter: DeadLetter) -> str:
    """One letter for a person, the detail on a line of its own."""
    place = f"{letter.source.topic}[{letter.source.number}]@{letter.source_offset}"
    words = [str(letter.id), f"{letter.written_at:%Y-%m-%dT%H:%M:%SZ}", letter.step, letter.reason]
    words += [letter.field or "-", place, *(["redriven"] if letter.redriven else [])]
    return f"{printable('  '.join(words))}\n    {printable(letter.detail)}"


def json_line(letter: DeadLetter) -> str:
    """One letter for a program."""
    fields = {
        "id": letter.id,
        "written_at": letter.written_at,
        "step": letter.step,
        "reason": letter.reason,
        "field": letter.field,
        "detail": letter.detail,
        "topic": letter.source.topic,
        "partition": letter.source.number,
        "offset": letter.source_offset,
        "blob_sha256": letter.blob_sha256,
        "redriven": letter.redriven,
    }
    return msgspec.json.encode(fields).decode()


def printable(text: str) -> str:
    """What somebody else wrote, so that it can play no tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


async def _open(reason: str | None, step: str | None, topic: str | None) -> list[DeadLetter]:
    return picked(await _box().all(), reason=reason, step=step, topic=topic)


async def _content(letter_id: UUID) -> tuple[list[tuple[str, str]], bytes | None]:
    box = _box()
    for letter in await box.all():
        if letter.id == letter_id:
            record, value = await box.content(letter)
            return [(name, text.decode("utf-8", "replace")) for name, text in record.headers], value
    text = f"there is no letter {letter_id}; `dead-letters list --all` shows all"
    raise NotRedriven(text)


def _box() -> DeadLetters:
    settings = Settings()
    return DeadLetters(kafka(settings), FolderStore(settings.media))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        text = f"{path} can't be read: {error.strerror}"
        raise typer.BadParameter(text) from error


def _fail(why: str) -> NoReturn:
    typer.echo(f"error: {why}", err=True)
    raise typer.Exit(1)
