"""Ends a process that stands still, and says where it stood.

The watchdog is a thread of C that needs nothing of Python, so neither an endless loop nor a library
that never lets go of the interpreter can keep it from its work. A process that was suspended looks
the same as one that stood still; its end costs nothing but a start.
"""

import faulthandler
import os
import sys
from dataclasses import dataclass
from io import FileIO
from typing import Final, NoReturn, TextIO

from infra.operation.endings import FAILED

LEAVING_S: Final = 30.0
"""What a process may still take when all its work is done: threads of agents may never end."""


@dataclass(frozen=True)
class Watchdog:
    """Writes all stacks to the journal and ends the process, unless it is put off again."""

    journal: FileIO
    timeout_s: float

    def take_last_words(self) -> None:
        """What a fault such as a segmentation fault makes the process say goes there too."""
        faulthandler.enable(self.journal)

    def put_off(self) -> None:
        """The event loop turns: as of now, that long again."""
        faulthandler.dump_traceback_later(self.timeout_s, exit=True, file=self.journal)

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
