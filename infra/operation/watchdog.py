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
from typing import Final, NoReturn

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

    def leave(self) -> None:
        """Nothing is left to do; what still hangs then is ended without further ado."""
        faulthandler.enable(sys.__stderr__ or sys.stderr)
        faulthandler.dump_traceback_later(LEAVING_S, exit=True, file=sys.__stderr__ or sys.stderr)


def end_at_once() -> NoReturn:
    """Ends a process in which an orderly end would wait for a thread that is stuck."""
    faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr, all_threads=True)
    os._exit(FAILED)
