"""Answers that may be used again, and every use of one.

Append-only as the others. Not partitioned: only the last days are asked for, and only answers that
were paid for are here.
"""

from typing import Final

from alembic import op

revision = "read_model_0003"
down_revision = "read_model_0002"

ANSWERS: Final = """
create table answers (
  outcome_id uuid primary key,
  "timestamp" timestamptz not null,
  camera_id uuid not null,
  kind text not null,
  content_key text,
  dhashes text[] not null,
  provider text not null,
  model text not null,
  prompt_version text not null,
  answer jsonb not null,
  cache_type text check (cache_type in ('content', 'similar')),
  source_id uuid check ((cache_type is null) = (source_id is null)),
  created_at timestamptz not null
);
create index answers_content on answers (content_key, created_at) where cache_type is null;
create index answers_camera on answers (camera_id, kind, created_at) where cache_type is null;
create index answers_kind on answers (kind, cache_type, created_at);
select guard('answers');
create trigger append_only_row before update or delete on answers
  for each row execute function refuse_change();
"""


def upgrade() -> None:
    op.execute(ANSWERS)
