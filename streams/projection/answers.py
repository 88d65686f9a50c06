"""Answers as rows: those that may be used again, and every use of one."""

from datetime import datetime

import msgspec

from schemas.outcomes import Degraded, Described, Earlier
from streams.projection.rows import AnswerRow
from streams.providers.layers import hashes

_json = msgspec.json.Encoder().encode


def answer_rows(event: Described | Degraded, recorded_at: datetime) -> tuple[AnswerRow, ...]:
    """None for what is computed at home, which costs nothing to compute again."""
    used = event.earlier if isinstance(event, Degraded) else event.reused
    if used is None and event.content_key is None:
        return ()
    return (_row(event, used, recorded_at),)


def _row(event: Described | Degraded, used: Earlier | None, recorded_at: datetime) -> AnswerRow:
    return AnswerRow(
        outcome_id=event.id,
        timestamp=event.timestamp,
        camera_id=event.camera_id,
        kind=event.prompt_kind,
        content_key=event.content_key,
        dhashes=hashes(event.frames),
        provider=event.provider_used,
        model=event.model_id,
        prompt_version=event.prompt_version,
        answer=_json(event.answer),
        cache_type=used.cache_type if used else None,
        source_id=used.outcome_id if used else None,
        created_at=recorded_at,
    )
