"""What the demo shows of itself: a board that its parts write on, and its picture in a terminal.

`Board` is a plain state; everything that draws is a function of it, of the time and of the space.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from infra.demo.accounting import OUTCOMES, Balance
from infra.demo.processes import Step
from infra.demo.site import CAMERAS
from infra.topology import STEPS

SENTENCES_MAX: Final = 40
SECONDS_LONG: Final = 100.0


class Sentence(NamedTuple):
    """What an outcome said; `at` is the board's clock."""

    at: float
    camera: str
    text: str
    style: str = ""


@dataclass
class CameraLine:
    """One camera: events published, outcomes by kind, and what was said last."""

    name: str
    events: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    last: Sentence | None = None


@dataclass
class StepLine:
    """One step: its counters, and how many records a second it takes."""

    now: Step = Step()
    rate: float = 0.0


@dataclass
class Board:
    """Everything the view shows; times are seconds of one monotonic clock."""

    began: float
    phase: str = "starting"
    api: str = ""
    camera_events: int = 0
    inferences: int = 0
    outstanding: int = 0
    cameras: dict[UUID, CameraLine] = field(
        default_factory=lambda: {camera.id: CameraLine(camera.name) for camera in CAMERAS}
    )
    steps: dict[str, StepLine] = field(default_factory=lambda: {s: StepLine() for s in STEPS})
    sentences: deque[Sentence] = field(default_factory=lambda: deque(maxlen=SENTENCES_MAX))

    def say(self, camera_id: UUID, sentence: Sentence) -> None:
        """An outcome of a camera that the site knows."""
        if line := self.cameras.get(camera_id):
            line.last = sentence
            self.sentences.append(sentence)


@dataclass(frozen=True)
class View:
    """The whole picture at the moment `now`; as many sentences as the terminal has room for."""

    board: Board
    now: float
    height: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Header, cameras, steps, sentences."""
        board = self.board
        top: list[RenderableType] = [
            header(board, self.now),
            cameras(board, self.now),
            steps(board),
        ]
        used = len(console.render_lines(Group(*top), options, pad=False))
        room = (self.height or options.max_height) - used - 2
        yield from top
        if room > 0:
            yield sentences(board, self.now, room)


def header(board: Board, now: float) -> RenderableType:
    """Who we are, how long we run, how much there was, and where to ask."""
    elapsed = int(now - board.began)
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    counts = (
        f"{board.camera_events:,} camera events, {board.inferences:,} inference results, "
        f"{board.outstanding:,} under way"
    )
    line.add_row(
        Text.assemble(("Vidette demo", "bold"), "  ", (board.phase, "cyan")),
        f"{elapsed // 60:02}:{elapsed % 60:02}",
    )
    api = Text(board.api, "blue") if board.api else Text("API is starting", "dim")
    return Group(line, Text(counts, no_wrap=True, overflow="ellipsis"), api)


def cameras(board: Board, now: float) -> Table:
    """One line per camera."""
    table = _table("camera", "events", "descr", "undescr", "skipped")
    table.columns[0].min_width = max(map(len, STEPS))
    table.add_column("age", justify="right", min_width=5)
    table.add_column("latest", ratio=1, no_wrap=True, overflow="ellipsis")
    for line in board.cameras.values():
        kinds = line.outcomes
        answered = kinds["described"] + kinds["degraded"]
        numbers = (line.events, answered, kinds["undescribed"], kinds["skipped"])
        age = _age(now - line.last.at) if line.last else ""
        said = Text(line.last.text, line.last.style) if line.last else Text("")
        table.add_row(line.name, *[f"{number:,}" for number in numbers], age, said)
    return table


def steps(board: Board) -> Table:
    """One line per step, as its worker counts."""
    table = _table("step", "received", "published", "dead", "lag", "per s")
    table.columns[0].min_width = max(map(len, STEPS))
    for name, line in board.steps.items():
        dead = Text(f"{line.now.dead:,}", "red" if line.now.dead else "")
        numbers = [f"{line.now.received:,}", f"{line.now.published:,}"]
        table.add_row(name, *numbers, dead, f"{line.now.lag:,}", f"{line.rate:,.0f}")
    return table


def sentences(board: Board, now: float, room: int) -> Table:
    """The newest sentences, the newest last."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", min_width=5, style="dim")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for said in list(board.sentences)[-room:]:
        table.add_row(_age(now - said.at), said.camera, Text(said.text, said.style))
    return table


def progress(board: Board) -> str:
    """The same in one line, where there is no terminal."""
    return (
        f"{board.phase}: {board.camera_events:,} camera events, "
        f"{board.inferences:,} inference results, {board.outstanding:,} under way"
    )


def summary(balance: Balance, seconds: float) -> RenderableType:
    """The end: what became of everything."""
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in balance.outcomes.items())
    rows = [
        f"{balance.camera_events:,} camera events: {kinds or 'nothing'}"
        + (f", {balance.dead_lettered:,} dead letters" if balance.dead_lettered else ""),
        f"{balance.inference_results:,} inference results: {balance.recorded:,} recorded"
        + (f", {balance.inferences_dead:,} dead letters" if balance.inferences_dead else ""),
    ]
    middle, high = balance.latency_ms(0.5), balance.latency_ms(0.95)
    if middle is not None and high is not None:
        rows.append(
            f"from publication to the log: half within {middle / 1000:.2f} s, "
            f"95 % within {high / 1000:.2f} s"
        )
    verdict = (
        Text(f"nothing lost, nothing doubled, in {seconds:.0f} s", "bold green")
        if balance.is_even
        else Text(f"LOST: {len(balance.lost)}, DOUBLED: {len(balance.duplicated)}", "bold red")
    )
    return Group(*map(Text, rows), verdict)


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _age(seconds: float) -> str:
    """`3 s`, `4 min`: never wider than five characters while a person watches."""
    if seconds < SECONDS_LONG:
        return f"{max(0, int(seconds))} s"
    return f"{int(seconds / 60)} min"
