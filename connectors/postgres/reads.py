"""Questions to the read model: SQLAlchemy Core writes the SQL, asyncpg runs it.

SQLAlchemy's own async engine is not used: it would need a second pool, with other ways of carrying
jsonb, for nothing that these few questions ask.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from connectors.postgres.pool import ReadPool, fetch
from connectors.postgres.tables import AI_EVENTS, CLIPS, DEVICES, PROVIDER_ATTEMPTS
from schemas.attempts import Usage
from schemas.clips import Frame
from streams.providers.orders import EVERY_KIND
from streams.queries import (
    AttemptRow,
    CacheRow,
    CameraRow,
    ClipRow,
    EventDetail,
    EventFilter,
    EventRow,
    Page,
    ProviderRow,
    Statistics,
)

REACH_TIMEOUT_S: Final = 3.0

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ROUNDING: Final = timedelta(milliseconds=1)
"""Ids hold milliseconds, rounded, so that the row's own time is at most that far away."""

DESCRIBED: Final = """
select provider_used as provider, count(distinct event_id) as events, min(timestamp) as oldest
from ai_events
where outcome = 'described' and provider_used is not null and timestamp >= $1
group by grouping sets ((provider_used), ())
"""
"""The row without a provider is all of them together."""
CALLED: Final = """
select provider,
  count(*) filter (where status = 'answered') as answered,
  count(*) filter (where status = 'failed') as failed,
  coalesce(sum(cost_usd), 0) as cost_usd,
  count(*) filter (where cost_usd is null) as unknown_costs
from provider_attempts
where status in ('answered', 'failed') and timestamp >= $1
group by provider
"""
CACHED: Final = """
select kind,
  count(*) filter (where cache_type is null and created_at >= cleared) as entries,
  count(*) filter (where cache_type is null) as misses,
  count(*) filter (where cache_type is not null) as hits
from answers, lateral (
  select coalesce(max(at), '-infinity') as cleared
  from unnest($1::text[], $2::timestamptz[]) as orders (about, at) where about in (kind, $3)
) as newest
group by kind order by kind
"""

_USAGE: Final = tuple(field.name for field in msgspec.structs.fields(Usage))
_EVENT: Final = tuple(field.name for field in fields(EventRow))
_CLIP: Final = tuple(CLIPS.c[field.name] for field in fields(ClipRow))


class Reads:
    """Implements `streams.queries.Reads`; connects when asked."""

    def __init__(self, pool: ReadPool) -> None:
        self._connection = pool.connection

    async def cameras(self) -> Sequence[CameraRow]:
        """All devices, sorted by id."""
        async with self._connection() as connection:
            rows = await fetch(connection, sa.select(DEVICES).order_by(DEVICES.c.id))
        return [CameraRow(**{**row, "settings": _decoded(row["settings"])}) for row in rows]

    async def events(self, wanted: EventFilter, page: Page) -> Sequence[EventRow]:
        """One page, newest first."""
        async with self._connection() as connection:
            return [event_of(row) for row in await fetch(connection, events_query(wanted, page))]

    async def event(self, outcome_id: UUID) -> EventDetail | None:
        """One event, its attempts and its clip."""
        window = window_of([outcome_id])
        if window is None:
            return None
        found = sa.select(AI_EVENTS).where(
            AI_EVENTS.c.id == outcome_id, AI_EVENTS.c.timestamp.between(*window)
        )
        async with self._connection() as connection:
            rows = await fetch(connection, found)
            if not rows:
                return None
            event = event_of(rows[0])
            attempts = await fetch(connection, _attempts_query(event))
            clips = await fetch(connection, _clip_query(event))
        return EventDetail(
            event=event,
            attempts=tuple(map(_attempt, attempts)),
            clip=clip_of(clips[0]) if clips else None,
        )

    async def statistics(self, since: datetime) -> Statistics:
        """Of events that happened then or later."""
        async with self._connection() as connection:
            described = {row["provider"]: row for row in await connection.fetch(DESCRIBED, since)}
            called = {row["provider"]: row for row in await connection.fetch(CALLED, since)}
        total = described.pop(None)
        rows = [
            ProviderRow(
                **{"provider": name, **called.get(name, {})},
                events=described[name]["events"] if name in described else 0,
            )
            for name in sorted({*described, *called})
        ]
        return Statistics(total["events"], total["oldest"], rows)

    async def caches(self, cleared: Mapping[str, datetime]) -> Sequence[CacheRow]:
        """By kind."""
        asked = (list(cleared), list(cleared.values()), EVERY_KIND)
        async with self._connection() as connection:
            return [CacheRow(**row) for row in await connection.fetch(CACHED, *asked)]

    async def reachable(self) -> None:
        """Returns when the database answers. Raises Unavailable."""
        async with self._connection() as connection:
            await connection.fetchval("select 1", timeout=REACH_TIMEOUT_S)


def events_query(wanted: EventFilter, page: Page) -> "sa.Select[tuple[object, ...]]":
    """One page by keyset. The row comparison gives the place; the plain one prunes partitions."""
    column = AI_EVENTS.c
    query = sa.select(AI_EVENTS).order_by(column.timestamp.desc(), column.id.desc())
    equal = {
        column.camera_id: wanted.camera,
        column.outcome: wanted.outcome,
        column.provider_used: wanted.provider,
        column.model_id: wanted.model,
    }
    for left, value in equal.items():
        if value is not None:
            query = query.where(left == value)
    if wanted.label is not None:
        query = query.where(column.labels.contains([wanted.label]))
    if wanted.since is not None:
        query = query.where(column.timestamp >= wanted.since)
    if wanted.until is not None:
        query = query.where(column.timestamp < wanted.until)
    if page.after is not None:
        place = sa.tuple_(
            sa.literal(page.after.timestamp, column.timestamp.type), sa.literal(page.after.id)
        )
        query = query.where(
            column.timestamp <= page.after.timestamp,
            sa.tuple_(column.timestamp, column.id) < place,
        )
    return query.limit(page.limit)


def window_of(ids: Collection[UUID]) -> tuple[datetime, datetime] | None:
    """From the first to the last moment that the ids can be of; None when they hold no time."""
    try:
        moments = [EPOCH + timedelta(milliseconds=id_.int >> 80) for id_ in ids]
        return min(moments) - ROUNDING, max(moments) + ROUNDING
    except (OverflowError, ValueError):  # beyond the year 9999, or no id at all
        return None


def _attempts_query(event: EventRow) -> "sa.Select[tuple[object, ...]]":
    column, ended = PROVIDER_ATTEMPTS.c, PROVIDER_ATTEMPTS.alias("ended")
    has_ended = sa.exists().where(
        ended.c.id == column.id,
        ended.c.timestamp == column.timestamp,
        ended.c.status != "begun",
    )
    return (
        sa.select(PROVIDER_ATTEMPTS)
        .where(column.event_id == event.event_id, column.timestamp == event.timestamp)
        .where(sa.or_(column.status != "begun", ~has_ended))
        .order_by(column.attempted_at, column.position, column.id)
    )


def _clip_query(event: EventRow) -> "sa.Select[tuple[object, ...]]":
    column = CLIPS.c
    return sa.select(*_CLIP).where(
        column.event_id == event.event_id, column.timestamp == event.timestamp
    )


def event_of(row: asyncpg.Record) -> EventRow:
    """The event of a row that has its columns, and maybe others."""
    decoded = {name: _decoded(row[name]) for name in ("detections", "event_metadata")}
    values = {name: row[name] for name in _EVENT}
    return EventRow(**{**values, **decoded, "labels": tuple(row["labels"])})


def _attempt(row: asyncpg.Record) -> AttemptRow:
    values = dict(row)
    usage = {name: values.pop(name) for name in _USAGE}
    values["usage"] = Usage(**usage) if any(n is not None for n in usage.values()) else None
    values["frames"] = tuple(values["frames"])
    return AttemptRow(**values)


def clip_of(row: asyncpg.Record) -> ClipRow:
    """The clip of a row that has its columns, and maybe others."""
    frames = msgspec.json.decode(row["frames"], type=tuple[Frame, ...])
    motion = _decoded(row["motion"]) if row["motion"] is not None else None
    values = {column.name: row[column.name] for column in _CLIP}
    return ClipRow(**{**values, "frames": frames, "motion": motion})


def _decoded(json: bytes) -> object:
    return msgspec.json.decode(json, type=object)
