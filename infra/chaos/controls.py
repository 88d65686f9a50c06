"""Negative controls: parts that do it wrong, as a simpler design would, so that the checker fails.

A checker that can't fail proves nothing. A control is put into the workers of a run by its name;
nothing else imports this.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from connectors.kafka.lane import KafkaLane
from connectors.kafka.ownership import Snapshot
from connectors.postgres.sink import Sink
from infra.running import Doors
from infra.worker import Make
from streams.lanes import Batch, Progress, Work
from streams.projection.ports import Log, Move, ProjectionBatch, ReadModelAway
from streams.records import Partition

log = structlog.get_logger(__name__)


class Forgetful(Sink):
    """Takes a write that the database never answered for done. The ledger's comparison finds out.

    No control: with everything else as it is, the next batch meets another offset than it expects,
    and reading goes back.
    """

    async def write(self, batch: ProjectionBatch) -> None:
        """Silent about a database that is away."""
        try:
            await super().write(batch)
        except ReadModelAway as error:
            log.warning("control.forgotten", error=str(error))


class Uncompared(Forgetful):
    """Forgetful, and its ledger is set whatever it held: no compare-and-set."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._logs: dict[Partition, Log] = {}

    async def write(self, batch: ProjectionBatch) -> None:
        """Expects what is there, by the epoch that is there."""
        try:
            held = await self.claim({p: self._logs[p] for p in batch.moves})
        except ReadModelAway as error:
            log.warning("control.forgotten", error=str(error))
            return
        moves = {p: Move(held[p], move.next) for p, move in batch.moves.items()}
        await super().write(ProjectionBatch(batch.rows, moves))

    async def claim(self, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        """Also remembers the topics' ids, for the next one."""
        self._logs |= {partition: replace(known, end=None) for partition, known in logs.items()}
        return await super().claim(logs)


class CommitsFirst(KafkaLane):
    """Commits what it reads before anybody has worked on it."""

    def __init__(self, *given: Any) -> None:  # noqa: ANN401  # the lane's own, whatever they are
        super().__init__(*given)
        self._first: dict[Partition, Progress] = {}

    async def take(self) -> Batch:
        """A batch whose offsets are committed."""
        batch = await super().take()
        progress = {record.partition: Progress(record.offset + 1) for record in batch.records}
        if progress:
            self._first |= progress
            await super().commit(Work(batch.leases, progress, {}))
        return batch

    async def commit(self, work: Work) -> frozenset[Partition]:
        """The outputs, beside offsets that were committed long ago."""
        progress = {
            p: max(reached, self._first.get(p, reached), key=lambda progress: progress.offset)
            for p, reached in work.progress.items()
        }
        return await super().commit(replace(work, progress=progress))


class Unleased(KafkaLane):
    """Commits for partitions that are somebody else's by now, as whatever member it is by now."""

    @staticmethod
    def _still_ours(work: Work, snapshot: Snapshot) -> frozenset[Partition]:  # noqa: ARG004  # that's it
        return frozenset(work.progress)


class WithoutBitmap(KafkaLane):
    """Knows of what is finished only that everything before the first unfinished record is."""

    async def take(self) -> Batch:
        """New leases begin with the bare offset."""
        batch = await super().take()
        return replace(batch, starts={p: Progress(at.offset) for p, at in batch.starts.items()})


def _sink(kind: type[Sink]) -> Callable[[Make], Make]:
    return lambda make: replace(make, world=replace(make.world, sink=kind))


def _lane(kind: type[KafkaLane]) -> Callable[[Make], Make]:
    return lambda make: replace(make, doors=Doors(lane=kind))


CONTROLS: Final[Mapping[str, Callable[[Make], Make]]] = {
    "": lambda make: make,
    "forgetful": _sink(Forgetful),
    "uncompared": _sink(Uncompared),
    "commits-first": _lane(CommitsFirst),
    "unleased": _lane(Unleased),
    "without-bitmap": _lane(WithoutBitmap),
}
"""By name; "" sabotages nothing."""
