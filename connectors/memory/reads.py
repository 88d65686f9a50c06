"""The read model's twin: rows in lists, asked in the same way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from streams.projection.rows import AnswerRow
from streams.providers.orders import EVERY_KIND, NEVER
from streams.queries import (
    AttemptRow,
    CacheRow,
    CameraRow,
    ClipRow,
    EventDetail,
    EventFilter,
    EventRow,
    Page,
    Place,
    ProviderRow,
    Statistics,
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
    answer_rows: list[AnswerRow] = field(default_factory=list)
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

    async def statistics(self, since: datetime) -> Statistics:
        """Of events that happened then or later."""
        await self.reachable()
        described = [
            row
            for row in self.event_rows
            if row.outcome == "described" and row.provider_used and row.timestamp >= since
        ]
        ended = [
            row
            for row in self.attempt_rows
            if row.status in ("answered", "failed") and row.timestamp >= since
        ]
        names = {row.provider_used or "" for row in described} | {row.provider for row in ended}
        return Statistics(
            len({row.event_id for row in described}),
            min((row.timestamp for row in described), default=None),
            [_did(name, described, ended) for name in sorted(names)],
        )

    async def caches(self, cleared: Mapping[str, datetime]) -> Sequence[CacheRow]:
        """By kind."""
        await self.reachable()
        found = []
        for kind in sorted({row.kind for row in self.answer_rows}):
            given = [row for row in self.answer_rows if row.kind == kind and row.cache_type is None]
            until = max(cleared.get(name, NEVER) for name in (kind, EVERY_KIND))
            entries = sum(row.created_at >= until for row in given)
            hits = sum(row.kind == kind for row in self.answer_rows) - len(given)
            found.append(CacheRow(kind, entries, len(given), hits))
        return found

    async def reachable(self) -> None:
        """Returns unless the twin is told to be away."""
        if self.away:
            raise Unavailable("database", "told to be away")


def _did(name: str, described: list[EventRow], ended: list[AttemptRow]) -> ProviderRow:
    ours = [row for row in ended if row.provider == name]
    costs = [row.cost_usd for row in ours]
    return ProviderRow(
        provider=name,
        events=len({row.event_id for row in described if row.provider_used == name}),
        answered=sum(row.status == "answered" for row in ours),
        failed=sum(row.status == "failed" for row in ours),
        cost_usd=sum((cost for cost in costs if cost is not None), Decimal(0)),
        unknown_costs=costs.count(None),
    )


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
