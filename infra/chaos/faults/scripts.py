"""Faults in a fixed order instead of random ones: each script makes one mistake show if it is made.

Run without a control, a script proves that the mistake is not made; with it, that it would be seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.chaos.faults import servers
from infra.chaos.faults.inject import Faults
from infra.chaos.faults.proxy import WELL, Trouble

TIMES: Final = 4
DOWN_S: Final = 0.3
CALM_S: Final = 5.0
JOINED_S: Final = 8.0
SLOW_S: Final = 0.15
FROZEN_S: Final = 9.0
"""Longer than the 6 s after which a group gives a silent member's partitions to others."""


@dataclass(frozen=True)
class Stage:
    """What a script acts on; `wait` sees to healing and to workers that ended, meanwhile."""

    faults: Faults
    wait: Callable[[float], None]

    def kill(self, step: str) -> None:
        """The first worker of the step, which is then started again."""
        fleet = self.faults.site.fleet
        member = fleet.of(step)[0]
        fleet.kill(member)
        self.faults.note("worker_kill", repeats=step == "describe")
        self.wait(DOWN_S)
        fleet.revive(member)


def kill_recorders(stage: Stage) -> None:
    """The workers of a pure step and of an effect step, in the middle of whatever they do.

    A killed worker's partitions are given away after 6 s only, so the next kill waits until it
    works again; and the line is slow at that moment, so that there is a middle to hit.
    """
    line = stage.faults.site.kafka.line
    for _ in range(TIMES):
        stage.wait(JOINED_S + CALM_S)
        line.trouble = Trouble(delay_s=SLOW_S)
        stage.faults.note("kafka_delay")
        stage.wait(CALM_S / 2)
        stage.kill("record_inference")
        stage.kill("describe")
        line.trouble = WELL
    stage.wait(CALM_S)


def kill_database(stage: Stage) -> None:
    """Every connection breaks in the middle of a write; then there is time for later batches."""
    for _ in range(TIMES):
        stage.wait(CALM_S)
        servers.kill(stage.faults.site.postgres.watch, family=True)
        stage.faults.note("postgres_kill_all")
    stage.wait(2 * CALM_S)


def freeze_recorder(stage: Stage) -> None:
    """One of two stands still until the other has its partitions, then goes on.

    The line is slow, so that it stands still in the middle of a transaction.
    """
    fleet, line = stage.faults.site.fleet, stage.faults.site.kafka.line
    fleet.add("record_inference")
    stage.wait(JOINED_S)
    line.trouble = Trouble(delay_s=SLOW_S)
    stage.faults.note("kafka_delay")
    for _ in range(TIMES):
        member = fleet.of("record_inference")[0]
        fleet.freeze(member)
        stage.faults.note("worker_freeze_long")
        stage.wait(FROZEN_S)
        fleet.thaw(member)
        stage.wait(CALM_S)
    line.trouble = WELL


def kill_describe_unseen(stage: Stage) -> None:
    """While no outcome reaches the table, which would tell that an event is done."""
    fleet = stage.faults.site.fleet
    stage.wait(CALM_S)
    projecting = fleet.of("project")[0]
    fleet.kill(projecting)
    stage.faults.note("worker_kill")
    for _ in range(TIMES):
        stage.wait(2 * CALM_S)
        stage.kill("describe")
    stage.wait(CALM_S)
    fleet.revive(projecting)


SCRIPTS: Final[Mapping[str, Callable[[Stage], None]]] = {
    "kill-recorders": kill_recorders,
    "kill-database": kill_database,
    "freeze-recorder": freeze_recorder,
    "kill-describe-unseen": kill_describe_unseen,
}
