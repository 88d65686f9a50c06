"""Unfinished starts: which records were under way when a worker died.

No projection: it is not in the log and no rebuild makes it anew. Without it nothing is lost; a
record that kills workers would only be found later.
"""

from typing import Final

from alembic import op

revision = "operation_0001"
down_revision = None

TABLES: Final = """
create table unfinished_starts (
  step text not null,
  topic text not null,
  part integer not null,
  record_offset bigint not null,
  journal uuid not null,
  alone boolean not null,
  cause text not null check (cause in ('killed', 'crashed', 'blocked')),
  noted_at timestamptz not null default now(),
  primary key (step, topic, part, record_offset, journal)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
