"""Earlier answers in memory, found as PostgreSQL finds them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from connectors.memory.read_model import Store
from schemas.attempts import Answer
from schemas.outcomes import Earlier
from streams.projection.rows import AnswerRow
from streams.providers.layers import (
    DISTANCE_MAX,
    NEARBY,
    NEARBY_MAX,
    Cleared,
    EarlierAnswer,
    distance,
    told,
)


class MemoryAnswers:
    """Implements `streams.providers.layers.Answers` over the tables in memory."""

    def __init__(self, store: Store, cleared: Cleared) -> None:
        self._store = store
        self._cleared = cleared

    async def same(self, key: str, kind: str, since: datetime) -> EarlierAnswer | None:
        """See the port."""
        found = [row for row in self._given(kind, since) if row.content_key == key]
        newest = max(found, key=lambda row: row.created_at, default=None)
        return _earlier(newest) if newest else None

    async def similar(
        self, camera_id: UUID, kind: str, hashes: Sequence[str], since: datetime
    ) -> EarlierAnswer | None:
        """See the port."""
        near = [
            (distance(hashes, row.dhashes), row)
            for row in self._given(kind, since)
            if row.camera_id == camera_id and row.dhashes
        ]
        near = [(bits, row) for bits, row in near if bits <= DISTANCE_MAX]
        if not near:
            return None
        bits, row = min(near, key=lambda pair: (pair[0], -pair[1].created_at.timestamp()))
        return _earlier(row, bits)

    async def nearby(self, camera_id: UUID, before: datetime) -> Sequence[str]:
        """See the port."""
        found = sorted(
            (row.timestamp, row.description)
            for row in self._store.events.values()
            if row.camera_id == camera_id
            and row.outcome == "described"
            and row.description is not None
            and before - NEARBY <= row.timestamp < before
        )
        return [told(before - moment, text) for moment, text in found[-NEARBY_MAX:]]

    def _given(self, kind: str, since: datetime) -> Iterator[AnswerRow]:
        since = max(since, self._cleared(kind))
        for row in self._store.answers.values():
            if row.kind == kind and row.created_at >= since and row.cache_type is None:
                yield row


def _earlier(row: AnswerRow, bits: float | None = None) -> EarlierAnswer:
    return EarlierAnswer(
        Earlier(
            cache_type="content" if bits is None else "similar",
            outcome_id=row.outcome_id,
            answered_at=row.created_at,
            distance=bits or 0.0,
        ),
        msgspec.json.decode(row.answer, type=Answer),
        row.model,
        row.provider,
        row.prompt_version,
    )
