"""What breaks, when and for how long: a pure function of the seed.

Kinds are dealt from a shuffled deck, so that every kind comes once before any comes twice.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

RECOVERY_EVERY: Final = 5
"""After so many faults we wait until everything has healed and nothing is left to do."""

WAIT_MAX_S: Final = 1.0
"""From one fault to the next; faults last longer than that, so they overlap."""


class Kind(NamedTuple):
    """A kind of fault: how long it lasts at least and at most, and whether `describe` feels it.

    `repeats` says that a call of a provider may be made again because of it: the process that made
    it is gone, or its transaction can't be committed, or its partition is somebody else's now.
    """

    name: str
    lasts_s: tuple[float, float]
    repeats: bool


SHORT: Final = (0.1, 2.0)
LONG: Final = (7.0, 9.0)
"""Longer than the 6 s after which a group gives a silent member's partitions to others."""

WORKER: Final = (
    Kind("worker_kill", SHORT, repeats=True),
    Kind("worker_term", SHORT, repeats=True),
    Kind("worker_freeze", (0.5, 3.0), repeats=True),
    Kind("worker_freeze_long", LONG, repeats=True),
    Kind("worker_add", (0.0, 0.0), repeats=True),
    Kind("worker_remove", (0.0, 0.0), repeats=True),
)
CLOCK: Final = (Kind("clock_skew", (2.0, 8.0), repeats=False),)
SERVERS: Final = (
    Kind("kafka_kill", (0.0, 0.0), repeats=True),
    Kind("kafka_term", (0.5, 3.0), repeats=True),
    Kind("kafka_freeze", (1.0, 8.0), repeats=True),
    Kind("postgres_kill", (0.0, 0.0), repeats=False),
    Kind("postgres_kill_all", (0.0, 0.0), repeats=False),
    Kind("postgres_term", (0.5, 3.0), repeats=False),
    Kind("postgres_freeze", (1.0, 8.0), repeats=False),
)
LINES: Final = (
    Kind("kafka_delay", (2.0, 6.0), repeats=True),
    Kind("kafka_hold", (1.0, 9.0), repeats=True),
    Kind("kafka_deaf", (1.0, 9.0), repeats=True),
    Kind("kafka_slices", (2.0, 6.0), repeats=True),
    Kind("kafka_reset", (1.0, 4.0), repeats=True),
    Kind("kafka_refuse", (1.0, 9.0), repeats=True),
    Kind("postgres_delay", (2.0, 6.0), repeats=False),
    Kind("postgres_hold", (1.0, 9.0), repeats=False),
    Kind("postgres_deaf", (1.0, 9.0), repeats=False),
    Kind("postgres_slices", (2.0, 6.0), repeats=False),
    Kind("postgres_reset", (1.0, 4.0), repeats=False),
    Kind("postgres_refuse", (1.0, 9.0), repeats=False),
)
DISKS: Final = (
    Kind("kafka_disk_full", (2.0, 6.0), repeats=True),
    Kind("postgres_disk_full", (2.0, 6.0), repeats=False),
)
KINDS: Final = (*WORKER, *CLOCK, *SERVERS, *LINES, *DISKS)


@dataclass(frozen=True)
class Fault:
    """One fault. `pick` (0 up to 1) chooses its target among those there are, `amount` how much."""

    number: int
    kind: Kind
    wait_s: float
    """Since the fault before, or since the recovery after it."""
    lasts_s: float
    pick: float
    amount: float

    @property
    def precedes_recovery(self) -> bool:
        """Whether nothing else breaks until all is well again."""
        return self.number % RECOVERY_EVERY == 0


def plan(seed: int, kinds: Sequence[Kind] = KINDS) -> Iterator[Fault]:
    """Faults without end, numbered from 1: the same ones for the same seed and kinds."""
    dice = random.Random(seed)  # noqa: S311  # shall be predictable
    number = 0
    while True:
        deck = list(kinds)
        dice.shuffle(deck)
        for kind in deck:
            number += 1
            yield Fault(
                number,
                kind,
                wait_s=dice.uniform(0, WAIT_MAX_S),
                lasts_s=dice.uniform(*kind.lasts_s),
                pick=dice.random(),
                amount=dice.random(),
            )
