"""What the demo shows, drawn from a board and nothing else."""

from io import StringIO
from uuid import uuid4

import pytest
from rich.console import Console

from infra.demo.accounting import Balance
from infra.demo.processes import Step, parsed
from infra.demo.site import CAMERAS
from infra.demo.view import Board, Sentence, StepLine, View, progress, summary


def drawn(board: Board, width: int, height: int, *, now: float = 65.0) -> list[str]:
    console = Console(file=StringIO(), width=width, height=height)
    with console.capture() as capture:
        console.print(View(board, now, height))
    return capture.get().splitlines()


def lively() -> Board:
    board = Board(0.0, "publishing", "http://127.0.0.1:8080/api/v1/events", "./vidette psql")
    board.camera_events, board.inferences, board.outstanding = 1234, 12340, 7
    for number in range(40):
        camera = CAMERAS[number % len(CAMERAS)]
        board.cameras[camera.id].outcomes["described"] += 1
        said = Sentence(
            60.0 - number / 10, camera.name, f"Sentence {number} [not markup] " + "word " * 40
        )
        board.say(camera.id, said)
    board.steps["describe"] = StepLine(Step(41, 82, 1, 5), 9.6)
    return board


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (60, 15)])
def test_the_view_fits_the_terminal(width: int, height: int) -> None:
    lines = drawn(lively(), width, height)

    assert max(map(len, lines)) <= width
    assert len(lines) < max(height, 18)


@pytest.mark.parametrize("width", [80, 120])
def test_the_view_shows_cameras_steps_and_sentences(width: int) -> None:
    text = "\n".join(drawn(lively(), width, 40))

    for words in ("01:05", "1,234 camera events", "/api/v1/events", "Gate", "garage", "describe"):
        assert words in text
    assert "Sentence 39 [not markup]" in text


def test_an_empty_board_can_be_drawn() -> None:
    assert drawn(Board(65.0), 80, 24)


def test_a_sentence_of_a_camera_elsewhere_is_passed_over() -> None:
    board = Board(0.0)
    board.say(uuid4(), Sentence(1.0, "elsewhere", "Nothing moved."))

    assert not board.sentences


def test_where_there_is_no_terminal_one_line_says_it() -> None:
    assert progress(lively()) == (
        "publishing: 1,234 camera events, 12,340 inference results, 7 under way"
    )


def test_the_summary_names_what_is_wrong() -> None:
    console = Console(file=StringIO(), width=100)
    even = Balance(3, 30, {"described": 2}, 1, 30, 0, (), (), {"motion": 2}, [10.0, 20.0])
    uneven = Balance(3, 30, {"described": 3}, 0, 30, 0, (uuid4(),), (), {"motion": 2}, [])
    with console.capture() as capture:
        console.print(summary(even, 12.3))
        console.print(summary(uneven, 12.3))

    assert "nothing lost, nothing doubled, in 12 s" in capture.get()
    assert "2 described, 1 dead-lettered" in capture.get()
    assert "LOST: 1, DOUBLED: 0" in capture.get()


def test_metrics_are_summed_by_step() -> None:
    text = """\
# TYPE vidette_records_published counter
vidette_records_published_total{step="describe",topic="ai.events.v1"} 3.0
vidette_records_published_total{step="describe",topic="ai.attempts.v1"} 4.0
# TYPE vidette_lag_records gauge
vidette_lag_records{partition="0",step="describe",topic="camera.clips.v1"} 5.0
vidette_lag_records{partition="1",step="describe",topic="camera.clips.v1"} 6.0
# TYPE vidette_records_received counter
vidette_records_received_total{step="enrich"} 9.0
"""

    assert parsed(text) == {
        "describe": Step(published=7, lag=11),
        "enrich": Step(received=9),
    }
