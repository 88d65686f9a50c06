-- The evidence of 0009-indexes.md. In an empty, migrated database, as the administrator:
--   psql "$VIDETTE_DATABASE_ADMIN_URL" -f docs/decisions/0009-indexes.sql
\set ON_ERROR_STOP on
set search_path to read_model;
set timezone to 'UTC';
set jit to off;
set max_parallel_workers_per_gather to 0;
select setseed(0.5);

-- 500,000 inferences of 40 cameras and 12 models, half of them of one model, over seven whole days.
select ensure_partitions(date '2031-03-01', date '2031-03-07');
insert into devices (id, source, source_id, registered, created_at)
select md5('camera ' || n)::uuid, 'demo', 'camera ' || n, false, now() from generate_series(0, 39) n;
insert into ai_events
select gen_random_uuid(), md5('camera ' || floor(random() * 40))::uuid,
  'model ' || floor(12 * power(random(), 4)),
  timestamptz '2031-03-01' + n * interval '7 days' / 500000, 1, '{"items": []}', 0.5,
  '{"metadata": {}}', now(), gen_random_uuid(), 'recorded', null, null, null, null, null, false, 1,
  '{person}', 'c'
from generate_series(0, 499999) n;

select md5('camera 7')::uuid as camera \gset
create temp table query (n int, about text, text text);
insert into query values
  (1, 'newest 50 of a camera', 'select * from ai_events where camera_id = ''' || :'camera'
    || ''' order by timestamp desc, id desc limit 50'),
  (2, 'one hour of a camera', 'select * from ai_events where camera_id = ''' || :'camera'
    || ''' and timestamp >= ''2031-03-04 10:00'' and timestamp < ''2031-03-04 11:00'''),
  (3, 'one day of a camera', 'select * from ai_events where camera_id = ''' || :'camera'
    || ''' and timestamp >= ''2031-03-04'' and timestamp < ''2031-03-05'''),
  (4, 'count of a camera', 'select count(*) from ai_events where camera_id = ''' || :'camera' || ''''),
  (5, 'an unknown camera', 'select * from ai_events where camera_id = ''' || md5('no')::uuid || ''''),
  (6, 'newest 50 of a rare model',
    'select * from ai_events where model_id = ''model 11'' order by timestamp desc, id desc limit 50'),
  (7, 'newest 50 of a frequent model',
    'select * from ai_events where model_id = ''model 0'' order by timestamp desc, id desc limit 50'),
  (8, 'count of a rare model', 'select count(*) from ai_events where model_id = ''model 11'''),
  (9, 'an unknown model', 'select * from ai_events where model_id = ''no'''),
  (10, 'count of a camera and a model', 'select count(*) from ai_events where camera_id = '''
    || :'camera' || ''' and model_id = ''model 11'''),
  (11, 'newest 50 of all', 'select * from ai_events order by timestamp desc, id desc limit 50');

-- Pages read, milliseconds, and the indexes of the parents that the plan uses.
create function pg_temp.measured(out n int, out about text, out pages bigint, out ms numeric,
  out indexes text) returns setof record language plpgsql as $$
declare
  asked record;
  plan jsonb;
begin
  for asked in select * from query order by query.n loop
    for _ in 1..3 loop
      execute 'explain (analyze, buffers, timing off, format json) ' || asked.text into plan;
    end loop;
    n = asked.n;
    about = asked.about;
    pages = (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint
      + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
    ms = round((plan #>> '{0,Execution Time}')::numeric, 2);
    select string_agg(distinct p.relname, ', ') into indexes
      from jsonb_path_query(plan, 'strict $.**."Index Name"') as used (name)
      join pg_class i on i.relname = used.name #>> '{}' and i.relnamespace = 'read_model'::regnamespace
      join pg_inherits h on h.inhrelid = i.oid join pg_class p on p.oid = h.inhparent;
    return next;
  end loop;
end $$;

\echo 'as migrated:'
vacuum analyze ai_events;
select * from pg_temp.measured();

\echo 'with (camera_id) and (model_id):'
create index ai_events_camera on ai_events (camera_id);
create index ai_events_model on ai_events (model_id);
vacuum analyze ai_events;
select * from pg_temp.measured();
select p.relname, round(sum(pg_relation_size(i.oid)) / 500000.0, 1) as bytes_per_row
from pg_inherits h join pg_class i on i.oid = h.inhrelid join pg_class p on p.oid = h.inhparent
where p.relname like 'ai\_events\_%' and p.relkind = 'I' group by 1 order by 1;
drop index ai_events_camera, ai_events_model;

\echo 'without (camera_id, model_id):'
begin;
drop index ai_events_camera_model;
select * from pg_temp.measured();
rollback;
