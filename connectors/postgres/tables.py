"""The read model's tables as queries see them; a test compares them with the migrated database.

No schema is named: the connection's search path says which one is meant.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA: Final = sa.MetaData()

_MOMENT: Final = sa.DateTime(timezone=True)
_TEXTS: Final = ARRAY(sa.Text)

DEVICES: Final = sa.Table(
    "devices",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("site", sa.Text),
    sa.Column("privacy", sa.Text),
    sa.Column("registered", sa.Boolean, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("registry_version", sa.BigInteger),
    sa.Column("settings", JSONB, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
)

AI_EVENTS: Final = sa.Table(
    "ai_events",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("camera_id", sa.Uuid, sa.ForeignKey("devices.id"), nullable=False),
    sa.Column("model_id", sa.String(128), nullable=False),
    sa.Column("timestamp", _MOMENT, primary_key=True),
    sa.Column("frame_id", sa.Integer),
    sa.Column("detections", JSONB, nullable=False),
    sa.Column("confidence", sa.Double),
    sa.Column("event_metadata", JSONB, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("provider_used", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("fallback_reason", sa.Text),
    sa.Column("fallback_detail", sa.Text),
    sa.Column("degraded", sa.Boolean, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("labels", _TEXTS, nullable=False),
    sa.Column("correlation_id", sa.Text, nullable=False),
)

PROVIDER_ATTEMPTS: Final = sa.Table(
    "provider_attempts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("timestamp", _MOMENT, primary_key=True),
    sa.Column("event_id", sa.Uuid, nullable=False),
    sa.Column("camera_id", sa.Uuid, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("status", sa.Text, primary_key=True),
    sa.Column("not_asked", sa.Text),
    sa.Column("error_class", sa.Text),
    sa.Column("error_code", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("model_asked", sa.Text),
    sa.Column("model_answered", sa.Text),
    sa.Column("prompt_version", sa.Text),
    sa.Column("prompt_sha256", sa.Text),
    sa.Column("frames", _TEXTS, nullable=False),
    sa.Column("latency_ms", sa.Double),
    sa.Column("input_tokens", sa.Integer),
    sa.Column("output_tokens", sa.Integer),
    sa.Column("cached_tokens", sa.Integer),
    sa.Column("cache_write_tokens", sa.Integer),
    sa.Column("reasoning_tokens", sa.Integer),
    sa.Column("image_tokens", sa.Integer),
    sa.Column("cost_usd", sa.Numeric),
    sa.Column("price_version", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("attempted_at", _MOMENT, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
    sa.Column("correlation_id", sa.Text, nullable=False),
)

ANSWERS: Final = sa.Table(
    "answers",
    METADATA,
    sa.Column("outcome_id", sa.Uuid, primary_key=True),
    sa.Column("timestamp", _MOMENT, nullable=False),
    sa.Column("camera_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("content_key", sa.Text),
    sa.Column("dhashes", _TEXTS, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.Text, nullable=False),
    sa.Column("answer", JSONB, nullable=False),
    sa.Column("cache_type", sa.Text),
    sa.Column("source_id", sa.Uuid),
    sa.Column("created_at", _MOMENT, nullable=False),
)

CLIPS: Final = sa.Table(
    "clips",
    METADATA,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("timestamp", _MOMENT, primary_key=True),
    sa.Column("camera_id", sa.Uuid, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("url", sa.Text),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("duration_s", sa.Double),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("truncated", sa.Boolean, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("frames", JSONB, nullable=False),
    sa.Column("motion", JSONB),
    sa.Column("snapshot", sa.Boolean, nullable=False),
    sa.Column("created_at", _MOMENT, nullable=False),
)

EVENTS_PER_HOUR: Final = sa.Table(
    "events_per_hour",
    METADATA,
    sa.Column("hour", _MOMENT, primary_key=True),
    sa.Column("camera_id", sa.Uuid, primary_key=True),
    sa.Column("model_id", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
)

PROJECTION_OFFSETS: Final = sa.Table(
    "projection_offsets",
    METADATA,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("topic_id", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("next", sa.BigInteger, nullable=False),
)
