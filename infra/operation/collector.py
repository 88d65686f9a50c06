"""The garbage collector of a worker: rarely at work, for next to nothing here is cyclic.

Rows and events are freed as soon as nobody holds them. With Python's default the collector looks
through thousands of them per batch and finds nothing: a fifth of the projection's time.
"""

import gc
from typing import Final

ALLOCATIONS: Final = 200_000
"""Containers made and not freed before it looks: more than the batches in hand ever are."""


def collect_rarely() -> None:
    """Once what stays for ever is imported: that is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 10, 10)
