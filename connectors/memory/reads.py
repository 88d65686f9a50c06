"""The read model's twin: rows in lists, asked in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from streams.queries import (
    AttemptRow,
    CameraRow,
    ClipRow,
    EventDetail,
    EventFilter,
    EventRow,
    Page,
    Place,
    Unavailable,
)


@dataclass
class MemoryReads:
    """Implements `streams.queries.Reads`; while `away`, every question raises Unavailable."""

    camera_rows: list[CameraRow] = field(default_factory=list)
    event_rows: list[EventRow] = field(default_factory=list)
    attempt_rows: list[AttemptRow] = field(default_factory=list)
    clip_rows: dict[UUID, ClipRow] = field(default_factory=dict)
    """By the camera event's id."""
    away: bool = False

    async def cameras(self) -> Sequence[CameraRow]:
        """All devices, sorted by id."""
        await self.reachable()
        return sorted(self.camera_rows, key=lambda row: row.id)

    async def events(self, wanted: EventFilter, page: Page) -> Sequence[EventRow]:
        """One page, newest first."""
        await self.reachable()
        after = page.after
        rows = [
            row
            for row in self.event_rows
            if _matches(row, wanted) and (after is None or _place(row) < after)
        ]
        return sorted(rows, key=_place, reverse=True)[: page.limit]

    async def event(self, outcome_id: UUID) -> EventDetail | None:
        """One event, its attempts and its clip."""
        await self.reachable()
        for row in self.event_rows:
            if row.id == outcome_id:
                ended = {a.id for a in self.attempt_rows if a.status != "begun"}
                attempts = [
                    a
                    for a in self.attempt_rows
                    if a.event_id == row.event_id and (a.status != "begun" or a.id not in ended)
                ]
                attempts.sort(key=lambda a: (a.attempted_at, a.position))
                return EventDetail(row, tuple(attempts), self.clip_rows.get(row.event_id))
        return None

    async def reachable(self) -> None:
        """Returns unless the twin is told to be away."""
        if self.away:
            raise Unavailable("database", "told to be away")


def _place(row: EventRow) -> Place:
    return Place(row.timestamp, row.id)


def _matches(row: EventRow, wanted: EventFilter) -> bool:
    return all(
        (
            wanted.camera in (None, row.camera_id),
            wanted.outcome in (None, row.outcome),
            wanted.provider in (None, row.provider_used),
            wanted.model in (None, row.model_id),
            wanted.label is None or wanted.label in row.labels,
            wanted.since is None or wanted.since <= row.timestamp,
            wanted.until is None or row.timestamp < wanted.until,
        )
    )
