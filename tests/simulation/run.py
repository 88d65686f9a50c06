"""Runs histories in a process of its own: `python -m tests.simulation.run FIRST COUNT [MUTATION]`.

Ends at the first history that does not add up, and tells it. A process of its own because sets of
texts are in another order in every process, unless PYTHONHASHSEED says otherwise; and because what
killed workers leave behind is nobody's business but ours.
"""

import gc
import logging
import sys
import warnings
from typing import Final

import structlog

from tests.simulation.history import History, Parts
from tests.simulation.mutations import MUTATIONS

COLLECT_EVERY: Final = 100
WRONG: Final = 3
"""The exit status when a history does not add up."""


def quiet() -> None:
    """Workers that are killed in the middle of something can't tidy up; nobody wants to hear it."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    least = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=least)
    gc.collect()
    gc.freeze()
    gc.disable()


def main(first: int, count: int, mutation: str | None) -> int:
    """The exit status."""
    quiet()
    parts = MUTATIONS[mutation] if mutation else Parts()
    for seed in range(first, first + count):
        history = History(seed, parts)
        wrong = history.run()
        if wrong:
            sys.stdout.write("\n".join([f"seed {seed}", *history.story, *wrong]) + "\n")
            return WRONG
        if seed % COLLECT_EVERY == 0:
            gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), next(iter(sys.argv[3:]), None)))
