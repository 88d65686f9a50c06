"""The tables of the read model, their append-only triggers and their day partitions.

All names are unqualified: `infra.migrate` sets the search path, so that a rebuild makes the very
same tables in a schema of its own.
"""

from typing import Final

from alembic import op

revision = "read_model_0001"
down_revision = None

TABLES: Final = """
create table devices (
  id uuid primary key,
  kind text not null default 'camera' check (kind in ('camera', 'upload')),
  source text not null,
  source_id text not null,
  name text,
  site text,
  privacy text,
  registered boolean not null,
  removed boolean not null default false,
  registry_version bigint check (registered = (registry_version is not null)),
  settings jsonb not null default '{}',
  created_at timestamptz not null
);
create table ai_events (
  id uuid not null,
  camera_id uuid not null references devices (id),
  model_id varchar(128) not null,
  "timestamp" timestamptz not null,
  frame_id integer,
  detections jsonb not null,
  confidence double precision check (confidence between 0 and 1),
  event_metadata jsonb not null,
  created_at timestamptz not null,
  event_id uuid not null,
  outcome text not null
    check (outcome in ('described', 'degraded', 'undescribed', 'skipped', 'recorded', 'detected')),
  description text
    check (description is null or outcome in ('described', 'degraded', 'recorded', 'detected')),
  provider_used text,
  reason text,
  fallback_reason text,
  fallback_detail text,
  degraded boolean not null,
  revision integer not null,
  labels text[] not null,
  correlation_id text not null,
  primary key (id, "timestamp")
) partition by range ("timestamp");
create index ai_events_camera_time on ai_events (camera_id, "timestamp");
create index ai_events_model_time on ai_events (model_id, "timestamp");
create index ai_events_camera_model on ai_events (camera_id, model_id);
create index ai_events_time on ai_events ("timestamp");
create table provider_attempts (
  id uuid not null,
  "timestamp" timestamptz not null,
  event_id uuid not null,
  camera_id uuid not null,
  position integer not null,
  provider text not null,
  status text not null check (status in ('answered', 'failed', 'skipped')),
  error_class text,
  error_code text,
  detail text not null,
  model_asked text,
  model_answered text,
  prompt_version text,
  prompt_sha256 text,
  frames text[] not null,
  latency_ms double precision,
  input_tokens integer,
  output_tokens integer,
  cached_tokens integer,
  reasoning_tokens integer,
  image_tokens integer,
  cost_usd numeric,
  price_version text,
  request_id text,
  attempted_at timestamptz not null,
  created_at timestamptz not null,
  correlation_id text not null,
  primary key (id, "timestamp")
) partition by range ("timestamp");
create index provider_attempts_event_time on provider_attempts (event_id, "timestamp");
create index provider_attempts_provider_time on provider_attempts (provider, "timestamp");
create table clips (
  event_id uuid not null,
  "timestamp" timestamptz not null,
  camera_id uuid not null,
  sha256 text,
  url text,
  size_bytes bigint,
  duration_s double precision,
  width integer,
  height integer,
  truncated boolean not null,
  failure text,
  frames jsonb not null,
  motion jsonb,
  snapshot boolean not null,
  created_at timestamptz not null,
  primary key (event_id, "timestamp")
) partition by range ("timestamp");
create table events_per_hour (
  hour timestamptz not null,
  camera_id uuid not null,
  model_id text not null,
  outcome text not null,
  n bigint not null,
  primary key (hour, camera_id, model_id, outcome)
) with (fillfactor = 70);
create table projection_offsets (
  topic text not null,
  part integer not null,
  topic_id text not null,
  epoch bigint not null,
  next bigint not null,
  primary key (topic, part)
) with (fillfactor = 50);
"""

APPEND_ONLY: Final = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only, % is refused', tg_table_name, lower(tg_op)
    using errcode = 'insufficient_privilege',
    hint = 'The log in Kafka is the truth; ./vidette projections rebuild makes the tables anew.';
end $$;
"""

LEDGER_LOST: Final = """
create function ledger_lost() returns bigint language plpgsql volatile as $$
begin
  raise exception 'the ledger is no longer what this writer read' using errcode = 'VD001';
end $$;
"""

# Row triggers reach every partition there will ever be; statement triggers also refuse what touches
# no row, and TRUNCATE, but must be put on each partition by name.
GUARD: Final = """
create function guard(guarded regclass) returns void language plpgsql as $$
begin
  execute format('create trigger append_only before update or delete or truncate on %s '
    'for each statement execute function refuse_change()', guarded);
end $$;
"""

# Locks are taken in one order (devices, the parents, their defaults), the sink's order, so that
# making a partition waits for writers and never deadlocks with them. LIKE and ATTACH spare the
# parent the exclusive lock that CREATE TABLE PARTITION OF takes.
PARTITIONS: Final = """
create function ensure_partitions(first date, last date) returns integer
language plpgsql security definer
set search_path from current
set lock_timeout = '5s'
as $$
declare
  parent text;
  part text;
  day date;
  taken boolean;
  made integer = 0;
begin
  if last - first > 400 then
    raise exception 'ensure_partitions makes at most 400 days at once, not %', last - first
      using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('vidette partitions ' || current_schema, 0));
  for day in select first + n from generate_series(0, last - first) n loop
    foreach parent in array array['ai_events', 'provider_attempts', 'clips'] loop
      part = format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
      continue when to_regclass(quote_ident(part)) is not null;
      if made = 0 then
        lock table devices in share row exclusive mode;
      end if;
      execute format('lock table only %I in share update exclusive mode', parent);
      execute format('lock table %I in access exclusive mode', parent || '_default');
      execute format('select exists (select from %I where "timestamp" >= %L and "timestamp" < %L)',
        parent || '_default', day || ' 00:00+00', day + 1 || ' 00:00+00') into taken;
      continue when taken;
      execute format('create table %I (like %I including all)', part, parent);
      perform guard(part::regclass);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)',
        parent, part, day || ' 00:00+00', day + 1 || ' 00:00+00');
      made = made + 1;
    end loop;
  end loop;
  return made;
end $$;
revoke all on function ensure_partitions(date, date) from public;
revoke all on function guard(regclass) from public;
"""

DEFAULTS: Final = """
create table {parent}_default partition of {parent} default;
select guard('{parent}');
select guard('{parent}_default');
create trigger append_only_row before update or delete on {parent}
  for each row execute function refuse_change();
"""


def upgrade() -> None:
    for statements in (TABLES, APPEND_ONLY, LEDGER_LOST, GUARD, PARTITIONS):
        op.execute(statements)
    for parent in ("ai_events", "provider_attempts", "clips"):
        op.execute(DEFAULTS.format(parent=parent))
