"""`./vidette demo`: a simulated site, through the whole chain, on this machine."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.live import Live

from infra.demo.run import Interrupted, Plan, Result, run
from infra.demo.view import PUBLISHING, Board, View, progress, summary
from infra.settings import Settings

PLAIN_EVERY_S: Final = 2.0
FRAMES_PER_S: Final = 4
PICTURE: Final = (112, 32)
"""Columns and lines."""

IDS_SHOWN_MAX: Final = 100


def demo(
    *,
    events: Annotated[
        int | None, typer.Option(min=1, help="Publish so many camera events, ten times results.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Publish for so long.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the balance as one line of JSON, the last one.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the view into this SVG file.", dir_okay=False)
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where data is kept; default: the setting VIDETTE_FOLDER.")
    ] = None,
) -> None:
    """Run a simulated site with six cameras and an edge model through the whole chain.

    Starts an embedded Kafka and PostgreSQL unless yours are set, a worker and the API. Without a
    number it runs until Ctrl-C. In the end it compares what was published with what is recorded, id
    by id; the exit status is 0 only if nothing was lost and nothing doubled.

    Example: ./vidette demo --events 40 --json
    """
    if events is not None and seconds is not None:
        raise typer.BadParameter("give --events or --seconds, not both")
    settings = Settings(folder=folder) if folder else Settings()
    console = Console(stderr=True, highlight=False)
    _log_to(settings.folder / "logs")
    try:
        result = run(settings, Plan(events, seconds), Terminal(console, picture))
    except Interrupted as interrupted:
        console.print("Stopped at once: there is no balance.")
        raise typer.Exit(interrupted.status) from None
    _tell(result, console, as_json=as_json)
    raise typer.Exit(0 if result.balance.is_even and not result.trouble else 1)


class Terminal:
    """Implements `infra.demo.run.Screen`: a live view in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, picture: Path | None = None) -> None:
        self._console = console
        self._picture = picture

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def live(self, board: Board) -> Iterator[None]:
        """Shows the board as long as the context lasts."""
        with ExitStack() as stack:
            if self._console.is_terminal:
                stack.enter_context(self._view(board))
            else:
                stack.enter_context(_every(PLAIN_EVERY_S, lambda: self.say(progress(board))))
            if self._picture:
                stack.enter_context(_every(1.0, partial(_draw, board, self._picture)))
            yield

    def _view(self, board: Board) -> Live:
        return Live(
            console=self._console,
            get_renderable=lambda: View(board, time.monotonic(), self._console.height),
            refresh_per_second=FRAMES_PER_S,
            redirect_stdout=False,
        )


def _draw(board: Board, file: Path) -> None:
    """The view as SVG; the last one of the time in which events come stays."""
    if board.phase != PUBLISHING:
        return
    width, height = PICTURE
    console = Console(file=StringIO(), record=True, width=width, height=height)
    console.print(View(board, time.monotonic(), height))
    file.write_text(console.export_svg(title="./vidette demo", unique_id="vidette-demo"))


@contextmanager
def _every(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    done = Event()

    def loop() -> None:
        while not done.wait(seconds):
            work()

    thread = Thread(target=loop, name="demo-screen", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tell(result: Result, console: Console, *, as_json: bool) -> None:
    balance = result.balance
    if result.trouble:
        console.print(f"error: {result.trouble}", markup=False, soft_wrap=True)
    for name, ids in (("lost", balance.lost), ("doubled", balance.duplicated)):
        for id_ in ids[:IDS_SHOWN_MAX]:
            console.print(f"{name}: {id_}")
        if len(ids) > IDS_SHOWN_MAX:
            console.print(f"{name}: and {len(ids) - IDS_SHOWN_MAX} more")
    if as_json:
        console.print(summary(balance, result.seconds))
        sys.stdout.write(msgspec.json.encode(balance.facts(result.seconds)).decode() + "\n")
    else:
        Console(highlight=False).print(summary(balance, result.seconds))


def _log_to(folder: Path) -> None:
    """Libraries complain into a file: on the terminal they would tear the live view."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=folder / "demo.log", level=logging.WARNING, force=True)
    except OSError as error:
        text = f"can't write to {folder}: {error.strerror}"
        raise typer.BadParameter(text, param_hint="--folder") from error
