"""Exit statuses of a worker, by which its supervisor knows whether to start it again."""

import signal
from typing import Final

FAILED: Final = 1
"""It could not go on; `worker.failed` says why. It may go better next time."""

AGAIN: Final = 75
"""It ended in order and wants a fresh process (EX_TEMPFAIL of sysexits.h)."""

NEEDS_A_PERSON: Final = 78
"""Starting it again would end the same way (EX_CONFIG of sysexits.h)."""

MEANING: Final = {
    0: "it was asked to end",
    FAILED: "it failed, or it was blocked for too long",
    AGAIN: "it asked for a fresh process",
    NEEDS_A_PERSON: "only a person can help",
}


def cause(status: int) -> str:
    """Why a process ended: the name of the signal that killed it, or what its status means."""
    if status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    return MEANING.get(status, f"status {status}")
