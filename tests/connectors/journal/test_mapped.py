"""The journal outlives its process, whatever the process dies of."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from connectors.journal.mapped import (
    CELLS,
    SIZE,
    SUSPENDED_S,
    MappedJournal,
    NoCellLeft,
    Remains,
    left_behind,
)
from infra.settings import ROOT
from streams.poison.starts import Place
from streams.records import Partition

EVENTS: Final = Partition("camera.events.v1", 3)
LOG: Final = Partition("ai.events.v1", 0)

BEGIN: Final = """
import faulthandler, os, signal, sys
from pathlib import Path
from connectors.journal.mapped import MappedJournal
from infra.operation.watchdog import Watchdog
from streams.poison.starts import Place
from streams.records import Partition
journal = MappedJournal(Path(sys.argv[1]))
cursor = journal.cursor("project", {"ai.events.v1": "an-id"})
"""
KILLED: Final = f"""
{BEGIN}
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 8), alone=False):
        pass
    with cursor.batch(alone=False):
        cursor.mark(Partition("ai.events.v1", 0), 1 << 40)
        cursor.mark(Partition("camera.registry.v1", 1), 2)
        cursor.mark(Partition("ai.events.v1", 0), 3)
        cursor.mark(Partition("ai.events.v1", 0), 4)
        os.kill(os.getpid(), signal.SIGKILL)
"""
CRASHED: Final = f"""
{BEGIN}
Watchdog(journal, 60).take_last_words()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    os.kill(os.getpid(), signal.SIGSEGV)
"""
BLOCKED: Final = f"""
{BEGIN}
import re
Watchdog(journal, 0.2).put_off()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    re.match(r"(a|a)*$", "a" * 60 + "b")
"""
STOPPED: Final = f"""
{BEGIN}
Watchdog(journal, 0.2).put_off()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pause()
"""

IN_KAFKA: Final = f"""
{BEGIN}
import threading
from connectors.kafka.clients import bounded
Watchdog(journal, 60).take_last_words()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    bounded(lambda: signal.pthread_kill(threading.get_ident(), signal.SIGSEGV))
"""
ABORTED: Final = f"""
{BEGIN}
Watchdog(journal, 60).take_last_words()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    os.kill(os.getpid(), signal.SIGABRT)
"""
IN_C: Final = f"""
{BEGIN}
import ctypes, time
Watchdog(journal, 60).take_last_words()
c, thread = ctypes.CDLL(None), ctypes.c_ulong()
with journal.under_way(Place("describe", Partition("camera.clips.v1", 5), 7), alone=True):
    c.pthread_create(ctypes.byref(thread), None, c["raise"], ctypes.c_void_p(signal.SIGSEGV))
    signal.pause()
"""


@contextmanager
def after(program: str, folder: Path) -> Iterator[Remains]:
    """What a process leaves that has run this program and died of it; forgotten in the end.

    One that stops itself goes on when its watchdog is overdue.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        env={"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    seen = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    if seen is not None and seen.si_code == os.CLD_STOPPED:
        time.sleep(SUSPENDED_S + 1)
        process.send_signal(signal.SIGCONT)
    _, said = process.communicate()
    assert process.returncode in {-6, -9, -11, 1}, said
    (remains,) = left_behind(folder)
    yield remains
    remains.forget()


def test_what_was_under_way_is_found_and_what_had_ended_is_not(tmp_path: Path) -> None:
    with after(KILLED, tmp_path) as remains:
        found = {(start.place, start.alone, start.cause) for start in remains.starts}

    assert found == {
        (Place("describe", Partition("camera.clips.v1", 5), 7), True, "killed"),
        (Place("project", LOG, 4, "an-id"), False, "killed"),
    }


def test_a_process_that_its_watchdog_ended_says_where_it_stood(tmp_path: Path) -> None:
    with after(BLOCKED, tmp_path) as remains:
        pass

    assert [(start.place.offset, start.cause) for start in remains.starts] == [(7, "blocked")]
    assert "most recent call first" in remains.stacks
    assert "re/__init__.py" in remains.stacks


def test_a_process_that_was_suspended_blames_nobody(tmp_path: Path) -> None:
    with after(STOPPED, tmp_path) as remains:
        pass

    assert (remains.cause, remains.starts) == ("suspended", ())


def test_a_process_that_crashed_says_where(tmp_path: Path) -> None:
    with after(CRASHED, tmp_path) as remains:
        pass

    assert [(start.place.offset, start.cause) for start in remains.starts] == [(7, "crashed")]
    assert "Segmentation fault" in remains.stacks


def test_a_crash_in_a_thread_that_speaks_with_kafka_blames_nobody(tmp_path: Path) -> None:
    with after(IN_KAFKA, tmp_path) as remains:
        pass

    assert (remains.cause, remains.starts) == ("kafka", ())


@pytest.mark.parametrize("program", [ABORTED, IN_C], ids=["aborted", "in C"])
def test_a_fault_that_may_be_nobodys_weighs_as_if_it_was_killed(
    program: str, tmp_path: Path
) -> None:
    with after(program, tmp_path) as remains:
        pass

    assert remains.cause == "unclear"
    assert [(start.place.offset, start.cause) for start in remains.starts] == [(7, "killed")]


def test_what_is_forgotten_is_not_found_again(tmp_path: Path) -> None:
    with after(KILLED, tmp_path):
        pass

    assert left_behind(tmp_path) == []


def test_two_that_look_do_not_find_the_same(tmp_path: Path) -> None:
    with after(KILLED, tmp_path):
        assert left_behind(tmp_path) == []


def test_the_journal_of_a_living_process_is_not_touched(tmp_path: Path) -> None:
    journal = MappedJournal(tmp_path)
    with journal.under_way(Place("describe", EVENTS, 7), alone=False):
        assert left_behind(tmp_path) == []
    journal.close()


def test_a_process_that_ends_in_order_leaves_nothing(tmp_path: Path) -> None:
    MappedJournal(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.journal").write_bytes(b"dear diary")

    assert left_behind(tmp_path) == []
    assert (tmp_path / "mine.journal").read_bytes() == b"dear diary"


def test_a_cell_that_was_damaged_says_nothing_and_the_others_are_found(tmp_path: Path) -> None:
    with after(KILLED, tmp_path) as remains:
        whole = remains.path.read_bytes()
    for harm in (b"desc\0ibe", b"desc\xffibe", b"desc\x1bibe", b"\0\0\0\0\0\0\0\0"):
        harmed = tmp_path / "harmed.journal"
        harmed.write_bytes(whole.replace(b"describe", harm, 1))

        (remains,) = left_behind(tmp_path)
        remains.forget()

        assert [start.place.step for start in remains.starts] == ["project"]


def test_a_journal_has_its_room_on_the_disk_from_the_beginning(tmp_path: Path) -> None:
    journal = MappedJournal(tmp_path)
    (path,) = tmp_path.iterdir()

    assert path.stat().st_blocks * 512 >= SIZE
    journal.close()


def test_a_disk_without_room_is_an_error_at_the_start_and_leaves_nothing(tmp_path: Path) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, unlimited[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            MappedJournal(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    assert list(tmp_path.iterdir()) == []


def test_more_records_than_there_are_cells_do_no_harm(tmp_path: Path) -> None:
    journal = MappedJournal(tmp_path)
    with ExitStack() as stack:
        for offset in range(CELLS + 10):
            place = Place("describe", EVENTS, offset)
            stack.enter_context(journal.under_way(place, alone=False))
    journal.close()


def test_a_cursor_has_its_cell_however_many_records_are_under_way(tmp_path: Path) -> None:
    journal = MappedJournal(tmp_path)
    cursor = journal.cursor("project", {})
    with ExitStack() as stack:
        for offset in range(CELLS):
            place = Place("describe", EVENTS, offset)
            stack.enter_context(journal.under_way(place, alone=False))
        with cursor.batch(alone=False):
            cursor.mark(LOG, 4)
            kept = next(tmp_path.iterdir()).read_bytes()
    journal.close()

    assert b"project" in kept


def test_more_topics_than_there_are_cells_are_named(tmp_path: Path) -> None:
    journal = MappedJournal(tmp_path)
    cursor = journal.cursor("project", {})

    for number in range(CELLS):
        cursor.mark(Partition(f"topic-{number}", 0), 0)

    with pytest.raises(NoCellLeft, match="project would need a cell for one-more"):
        cursor.mark(Partition("one-more", 0), 0)
    journal.close()
