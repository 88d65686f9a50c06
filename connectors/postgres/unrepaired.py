"""What is still to be answered, asked for in the read model."""

from datetime import datetime
from typing import Final

from connectors.postgres.pool import ReadPool
from connectors.postgres.reads import clip_of, event_of
from streams.providers.repairing import AGE_MAX, REASONS, REVISIONS_MAX, WAIT, Unanswered

# The newest revision of an event is the one that no other follows; both have the event's own time.
UNANSWERED: Final = """
select e.*, c.sha256, c.url, c.size_bytes, c.duration_s, c.width, c.height, c.truncated, c.failure,
  c.snapshot, c.frames, c.motion
from ai_events e
join clips c on c.event_id = e.event_id and c."timestamp" = e."timestamp"
where e.outcome in ('undescribed', 'degraded') and e.reason = any($2::text[])
  and e."timestamp" >= $1::timestamptz - $3::interval and e.revision <= $4
  and e.created_at + $5::interval * 2 ^ (e.revision - 1) <= $1
  and jsonb_array_length(c.frames) > 0
  and not exists (
    select from ai_events n
    where n.camera_id = e.camera_id and n."timestamp" = e."timestamp"
      and n.event_id = e.event_id and n.revision > e.revision)
order by e."timestamp" desc limit $6
"""


class PostgresUnrepaired:
    """Implements `streams.providers.repairing.Unrepaired`."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def unanswered(self, now: datetime, limit: int) -> list[Unanswered]:
        """See the port."""
        async with self._pool.connection() as connection:
            rows = await connection.fetch(
                UNANSWERED, now, list(REASONS), AGE_MAX, REVISIONS_MAX, WAIT, limit
            )
        return [Unanswered(event_of(row), clip_of(row)) for row in rows]
