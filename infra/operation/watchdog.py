"""Ends a process that stands still, and says where it stood.

The watchdog is a thread of C that needs nothing of Python, so neither an endless loop nor a library
that never lets go of the interpreter can keep it from its work. It ends a process that was
suspended too, which costs nothing but a start; the journal says when it was due, so that whoever
reads it sees that it came late and blames nobody.
"""

import faulthandler
import os
import sys
import time
from dataclasses import dataclass
from typing import Final, NoReturn, TextIO

from connectors.journal.mapped import MappedJournal
from infra.operation.endings import FAILED

LEAVING_S: Final = 30.0
"""What a process may still take when all its work is done: threads of agents may never end."""


@dataclass(frozen=True)
class Watchdog:
    """Writes all stacks to the journal and ends the process, unless it is put off again."""

    journal: MappedJournal
    timeout_s: float

    def take_last_words(self) -> None:
        """What a fault such as a segmentation fault makes the process say goes there too."""
        faulthandler.enable(self.journal.file)

    def put_off(self) -> None:
        """The event loop turns: as of now, that long again."""
        self.journal.due(time.time() + self.timeout_s)
        faulthandler.dump_traceback_later(self.timeout_s, exit=True, file=self.journal.file)

    def stop(self) -> None:
        """Looks no more; faults are told to standard error again."""
        faulthandler.cancel_dump_traceback_later()
        faulthandler.enable(_stderr())


def leave() -> None:
    """Nothing is left to do; a process that still hangs then is ended without further ado."""
    faulthandler.dump_traceback_later(LEAVING_S, exit=True, file=_stderr())


def end_at_once() -> NoReturn:
    """Ends a process in which an orderly end would wait for a thread that is stuck."""
    faulthandler.dump_traceback(file=_stderr(), all_threads=True)
    os._exit(FAILED)


def _stderr() -> TextIO:
    return sys.__stderr__ or sys.stderr
