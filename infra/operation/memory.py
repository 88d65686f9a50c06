"""How much memory this process has, and the most that one record may still take."""

import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

MB: Final = 1024 * 1024
_STATUS: Final = Path("/proc/self/status")


def resident_mb() -> int:
    """What the process occupies."""
    return int(psutil.Process().memory_info().rss) // MB


def allow_more(megabytes: int) -> None:
    """From here on a request for more than this fails, as a MemoryError of whoever asks.

    So one record that swells costs a dead letter, not the machine. What threads have reserved and
    never touched is counted by the kernel too, so the limit is on what comes on top. Linux alone
    says how much there is (`VmData`, proc(5)); elsewhere nothing is limited.
    """
    with suppress(OSError, ValueError):
        lines = (line.split() for line in _STATUS.read_text().splitlines())
        now = next(int(words[1]) * 1024 for words in lines if words[0] == "VmData:")
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (now + megabytes * MB, hard))
