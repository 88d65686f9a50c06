"""Unfinished starts name the topic that they are about by its id too.

A topic that was deleted and made again has the same name and the same offsets, and other records.
What was kept before names none, so it is no record's; it goes when its offset is passed.
"""

from alembic import op

revision = "operation_0002"
down_revision = "operation_0001"


def upgrade() -> None:
    op.execute("alter table unfinished_starts add column topic_id text not null default ''")
