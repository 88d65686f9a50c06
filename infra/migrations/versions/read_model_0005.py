"""What nobody has described is few among many: `repair` finds it without reading the others."""

from alembic import op

revision = "read_model_0005"
down_revision = "read_model_0004"


def upgrade() -> None:
    op.execute(
        'create index ai_events_unanswered on ai_events ("timestamp") '
        "where outcome in ('undescribed', 'degraded')"
    )
