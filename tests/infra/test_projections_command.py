"""What `projections rebuild` tells people and programs."""

import io
import json

import pytest
from rich.console import Console

from connectors.postgres.rebuild import Checksum
from infra.cli.projections import as_line, show
from infra.rebuild import Compared, Report

SAME = Compared("devices", Checksum(3, "17"), Checksum(3, "17"))
OTHER = Compared("ai_events", Checksum(500, "-17"), Checksum(499, "23"))


def report(*tables: Compared, incomparable: str | None = None, swapped: bool = False) -> Report:
    return Report(tables, incomparable, swapped=swapped, records=510, passed_over=2, seconds=1.25)


def shown(found: Report) -> str:
    written = io.StringIO()
    show(Console(file=written, width=100, highlight=False), found)
    return written.getvalue()


def test_a_difference_is_named_and_says_what_to_do() -> None:
    text = shown(report(SAME, OTHER))

    (line,) = (line for line in text.splitlines() if "ai_events" in line)
    assert "500" in line
    assert "499" in line
    assert "NO" in line
    assert "rebuild with --accept" in text
    assert "2 records have no rows" in text


def test_equal_tables_are_swapped_and_that_is_said() -> None:
    assert "the read model is the fresh one now" in shown(report(SAME, swapped=True))


def test_why_nothing_was_compared_is_said() -> None:
    text = shown(report(SAME, incomparable="the live tables are empty or missing", swapped=True))

    assert "not compared: the live tables are empty or missing" in text


@pytest.mark.parametrize(
    ("found", "equal"),
    [
        (report(SAME), True),
        (report(SAME, OTHER), False),
        (report(SAME, incomparable="another log"), False),
    ],
)
def test_programs_read_one_line(found: Report, *, equal: bool) -> None:
    line = as_line(found)

    assert "\n" not in line
    assert json.loads(line)["equal"] is equal
    assert json.loads(line)["tables"][0]["live"] == {"rows": 3, "total": "17"}
