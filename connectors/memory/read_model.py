"""The read model in memory: the same rules as PostgreSQL's, for tests and simulations.

Several `MemoryReadModel`s may share one `Store`, as several workers share one database.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from connectors.memory.network import CALM, Network, Unclear
from streams.projection.ports import (
    LedgerLost,
    Log,
    Move,
    ProjectionBatch,
    ReadModelAway,
    RowRefused,
    check,
    slice_of,
)
from streams.projection.rows import AnswerRow, AttemptRow, ClipRow, DeviceRow, EventRow, Rows
from streams.records import Partition

Hour = tuple[datetime, UUID, str, str]
"""An hour, a camera, a model, an outcome."""


@dataclass(frozen=True, slots=True)
class Position:
    """One row of the ledger."""

    topic_id: str
    epoch: int
    next: int


@dataclass
class Store:
    """The tables, each by its primary key."""

    events: dict[UUID, EventRow] = field(default_factory=dict)
    attempts: dict[tuple[UUID, str], AttemptRow] = field(default_factory=dict)
    """By id and status."""
    clips: dict[UUID, ClipRow] = field(default_factory=dict)
    answers: dict[UUID, AnswerRow] = field(default_factory=dict)
    devices: dict[UUID, DeviceRow] = field(default_factory=dict)
    events_per_hour: Counter[Hour] = field(default_factory=Counter)
    ledger: dict[Partition, Position] = field(default_factory=dict)

    def add(self, rows: Rows) -> None:
        """What `insert … on conflict do nothing` does, with roll-ups of what is new."""
        for device in rows.devices:
            known = self.devices.get(device.id)
            if known is None or device.replaces(known):
                self.devices[device.id] = device
        for event in rows.events:
            if event.id not in self.events:
                self.events[event.id] = event
                hour = event.timestamp.replace(minute=0, second=0, microsecond=0)
                self.events_per_hour[hour, event.camera_id, event.model_id, event.outcome] += 1
        for attempt in rows.attempts:
            self.attempts.setdefault((attempt.id, attempt.status), attempt)
        for clip in rows.clips:
            self.clips.setdefault(clip.event_id, clip)
        for answer in rows.answers:
            self.answers.setdefault(answer.outcome_id, answer)

    def claim(self, logs: Mapping[Partition, Log]) -> Mapping[Partition, Position]:
        """Raises every epoch, or none. Raises ReadModelUnusable."""
        claimed: dict[Partition, Position] = {}
        for partition, log in logs.items():
            known = self.ledger.get(partition) or Position(log.topic_id, 0, log.first)
            check(partition, known.next, known.topic_id, log)
            claimed[partition] = replace(known, epoch=known.epoch + 1)
        self.ledger.update(claimed)
        return claimed

    def move(self, moves: Mapping[Partition, Move], epochs: Mapping[Partition, int]) -> None:
        """Compares the ledger with what the writer read, and sets it. Raises LedgerLost."""
        moved: dict[Partition, Position] = {}
        for partition, move in moves.items():
            known = self.ledger.get(partition)
            epoch = epochs.get(partition)
            if known is None or known.epoch != epoch or known.next != move.since:
                raise LedgerLost("the ledger is no longer what this writer read")
            moved[partition] = replace(known, next=move.next)
        self.ledger.update(moved)


def storable(row: EventRow) -> bool:
    """What the columns of `ai_events` take, as far as tests forge rows that they don't."""
    return (
        (row.frame_id is None or row.frame_id < 2**31)
        and (row.confidence is None or 0 <= row.confidence <= 1)
        and b"\\u0000" not in row.detections
        and "\x00" not in (row.description or "")
    )


class MemoryReadModel:
    """Implements `streams.projection.ports.ReadModel`, and `streams.ports.Outcomes`."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        slices: int = 2,
        takes: Callable[[EventRow], bool] = storable,
        network: Network = CALM,
    ) -> None:
        self.store = store or Store()
        self._slices = slices
        self._takes = takes
        self._network = network
        self._epochs: dict[Partition, int] = {}

    @property
    def slices(self) -> int:
        """How many batches may be written at once."""
        return self._slices

    async def claim(self, logs: Mapping[Partition, Log]) -> dict[Partition, int]:
        """See the port."""
        try:
            claimed = await self._network.call(lambda: self.store.claim(logs))
        except Unclear as error:
            raise ReadModelAway(str(error)) from error
        for partition, position in claimed.items():
            self._epochs[partition] = position.epoch
        return {partition: position.next for partition, position in claimed.items()}

    async def write(self, batch: ProjectionBatch) -> None:
        """See the port."""
        numbers = {slice_of(partition, self._slices) for partition in batch.moves}
        if len(numbers) > 1:
            raise ValueError("a batch is for partitions of one slice")
        epochs = {p: self._epochs[p] for p in batch.moves if p in self._epochs}
        try:
            await self._network.call(lambda: self._write(batch, epochs))
        except Unclear as error:
            for partition in [p for p in self._epochs if slice_of(p, self._slices) in numbers]:
                del self._epochs[partition]  # its connection is gone, and what it claimed
            raise ReadModelAway(str(error)) from error

    def _write(self, batch: ProjectionBatch, epochs: Mapping[Partition, int]) -> None:
        """One transaction; a row that is refused undoes the ledger's move too."""
        before = dict(self.store.ledger)
        self.store.move(batch.moves, epochs)
        if not all(self._takes(row) for row in batch.rows.events):
            self.store.ledger = before
            raise RowRefused("a row of the batch can't be stored")
        self.store.add(batch.rows)

    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        """See `streams.ports.Outcomes`."""
        try:
            return await self._network.call(
                lambda: frozenset(self.store.events.keys() & set(outcome_ids))
            )
        except Unclear:
            return frozenset()

    async def close(self) -> None:
        """Nothing to let go of."""
