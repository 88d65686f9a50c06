"""Budgets: what is taken of each window of each provider, and what of it is lent to workers.

No projection: who may spend has to be decided before anything is in the log. What was spent is in
the log as well (`ai.attempts.v1`); what is here may be lost, and then counts from nothing.
"""

from typing import Final

from alembic import op

revision = "operation_0003"
down_revision = "operation_0002"

TABLES: Final = """
create table budget_windows (
  scope text not null,
  span text not null check (span in ('hour', 'day', 'month')),
  began timestamptz not null,
  requests bigint not null default 0,
  tokens bigint not null default 0,
  cost_usd numeric not null default 0,
  warned_requests smallint not null default 0,
  warned_tokens smallint not null default 0,
  warned_cost_usd smallint not null default 0,
  told boolean not null default false,
  primary key (scope, span, began)
);
create table budget_leases (
  id uuid primary key,
  provider text not null,
  worker text not null,
  scopes text[] not null,
  requests bigint not null,
  tokens bigint not null,
  cost_usd numeric not null,
  granted_at timestamptz not null,
  lost_at timestamptz not null,
  log_from jsonb not null
);
create table budget_resets (
  command_id uuid primary key,
  obeyed_at timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(TABLES)
