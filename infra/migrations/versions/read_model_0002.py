"""Attempts as begun beside what came of them, which call of its provider each was, and why not.

The new order of columns is that of `streams.projection.rows`; PostgreSQL does not mind it.
"""

from typing import Final

from alembic import op

revision = "read_model_0002"
down_revision = "read_model_0001"

ATTEMPTS: Final = """
alter table provider_attempts
  add column attempt integer not null default 1,
  add column not_asked text,
  drop constraint provider_attempts_status_check,
  add constraint provider_attempts_status_check
    check (status in ('begun', 'answered', 'failed', 'skipped')),
  drop constraint provider_attempts_pkey,
  add primary key (id, "timestamp", status);
"""


def upgrade() -> None:
    op.execute(ATTEMPTS)
