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

PUBLISHING: Final = "publishing"
"""The phase in which events come."""

SENTENCES_SHOWN_MAX: Final = 12
ROOMY_HEIGHT: Final = 30
ROOMY_WIDTH: Final = 110
TITLE: Final = "bold white on dark_blue"
AGE_WIDTH: Final = 6
SECONDS_LONG: Final = 100.0
LAG_NOTABLE: Final = 1000
WITHOUT_OUTPUT: Final = ("project",)
"""Steps that write rows, not records."""


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

    now: Step = field(default_factory=Step)
    rate: float = 0.0


@dataclass
class Board:
    """Everything the view shows; times are seconds of one monotonic clock."""

    began: float
    phase: str = "starting"
    api: str = ""
    psql: str = ""
    camera_events: int = 0
    inferences: int = 0
    outstanding: int = 0
    cameras: dict[UUID, CameraLine] = field(
        default_factory=lambda: {camera.id: CameraLine(camera.name) for camera in CAMERAS}
    )
    steps: dict[str, StepLine] = field(default_factory=lambda: {s: StepLine() for s in STEPS})
    sentences: deque[Sentence] = field(default_factory=lambda: deque(maxlen=SENTENCES_SHOWN_MAX))

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
        board, height = self.board, self.height or options.max_height
        gap = [Text()] if height >= ROOMY_HEIGHT else []
        wide = options.max_width >= ROOMY_WIDTH
        top: list[RenderableType] = [
            header(board, self.now),
            *gap,
            cameras(board, self.now, wide=wide),
            *gap,
            steps(board),
            *gap,
        ]
        used = len(console.render_lines(Group(*top), options, pad=False))
        yield from top
        room = min(height - used - 1, SENTENCES_SHOWN_MAX)
        if room > 0:
            yield sentences(board, self.now, room)


def header(board: Board, now: float) -> RenderableType:
    """Who we are, how long we run, how much there was, and where to ask."""
    elapsed = int(now - board.began)
    title = Table.grid(expand=True, padding=(0, 1))
    title.add_column(no_wrap=True, style=TITLE)
    title.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style=TITLE)
    title.add_column(no_wrap=True, style=TITLE)
    title.add_row(" Vidette demo", board.phase, f"{elapsed // 60:02}:{elapsed % 60:02} ")
    counts = (
        f" {board.camera_events:,} camera events, {board.inferences:,} inference results "
        f"published; {board.outstanding:,} under way"
    )
    where = Table.grid(expand=True, padding=(0, 2))
    where.add_column(no_wrap=True)
    where.add_column(ratio=1, no_wrap=True, overflow="ellipsis", justify="right")
    where.add_row(Text(f" {board.api or 'the API is starting'}", "blue"), Text(board.psql, "blue"))
    return Group(title, Text(counts, no_wrap=True, overflow="ellipsis"), where)


def cameras(board: Board, now: float, *, wide: bool = True) -> Table:
    """One line per camera."""
    kinds = OUTCOMES if wide else ("descr", "degr", "undescr", "skip")
    table = _table("camera", "events", *kinds, "age")
    table.expand = True
    table.columns[-1].min_width = AGE_WIDTH
    table.add_column("latest", ratio=1, no_wrap=True, overflow="ellipsis")
    for line in board.cameras.values():
        numbers = [line.events, *[line.outcomes[kind] for kind in OUTCOMES]]
        said = line.last or Sentence(now, "", "")
        age = _age(now - said.at) if line.last else ""
        shown = [f"{number:,}" for number in numbers]
        table.add_row(Text(f" {line.name}", "cyan"), *shown, age, Text(said.text, said.style))
    return table


def steps(board: Board) -> Table:
    """One line per step, as its worker counts."""
    table = _table("step", "received", "published", "dead", "lag", "a second")
    for name, line in board.steps.items():
        dead = Text(f"{line.now.dead:,}", "bold red" if line.now.dead else "")
        lag = Text(f"{line.now.lag:,}", "yellow" if line.now.lag >= LAG_NOTABLE else "")
        published = "" if name in WITHOUT_OUTPUT else f"{line.now.published:,}"
        received, rate = f"{line.now.received:,}", f"{line.rate:,.0f}"
        table.add_row(Text(f" {name}", "green"), received, published, dead, lag, rate)
    return table


def sentences(board: Board, now: float, room: int) -> Table:
    """The newest sentences, the newest last."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", min_width=AGE_WIDTH, style="dim")
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
    counted = [(balance.outcomes.get(kind, 0), kind) for kind in OUTCOMES]
    kinds = ", ".join(f"{n:,} {kind}" for n, kind in counted if n)
    rows = [
        f"{balance.camera_events:,} camera events: {kinds or 'nothing'}"
        + (f", {balance.dead_lettered:,} dead-lettered" if balance.dead_lettered else ""),
        f"{balance.inference_results:,} inference results: {balance.recorded:,} recorded"
        + (f", {balance.inferences_dead:,} dead-lettered" if balance.inferences_dead else ""),
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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f" {first}", no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _age(seconds: float) -> str:
    """`3 s`, `4 min`: never wider than five characters while a person watches."""
    if seconds < SECONDS_LONG:
        return f"{max(0, int(seconds))} s"
    return f"{int(seconds / 60)} min"
