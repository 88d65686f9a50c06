"""The migrated database: what is in it, who may do what, and that nobody may change the past."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import asyncpg
import pytest
import sqlalchemy as sa

from connectors.postgres import statement
from connectors.postgres.connection import Connection, connect
from connectors.postgres.sink import Sink
from connectors.postgres.tables import METADATA
from infra.migrate import GRANTS, MigrationFailed, migrate, role_of
from schemas.examples.stories import ATTEMPT, DESCRIBED
from streams.projection.ports import Log, Move, ProjectionBatch
from streams.projection.project import project
from streams.projection.rows import EventRow, Rows
from streams.records import Partition

EVENTS = Partition("ai.events.v1", 0)
APPEND_ONLY = ("ai_events", "provider_attempts", "clips")
PARTITIONS_OF = """
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = $1::regclass order by 1
"""


class Database(Protocol):
    url: str
    admin_url: str


@dataclass
class Sides:
    """The same database as the application and as the superuser see it."""

    application: Connection
    admin: Connection


@pytest.fixture
async def sides(database: Database) -> AsyncIterator[Sides]:
    both = Sides(await connect(database.url), await connect(database.admin_url))
    yield both
    await both.application.close()
    await both.admin.close()


async def written(database: Database, *moments: datetime) -> None:
    """One outcome, its clip and an attempt at each moment (none: at their own)."""
    rows = Rows()
    for n, moment in enumerate(moments or (DESCRIBED.timestamp,)):
        for row in (*project(DESCRIBED, moment, 0), *project(ATTEMPT, moment, 0)):
            id_ = DESCRIBED.id if not moments else type(DESCRIBED.id)(int=n + 1)
            if isinstance(row, EventRow):
                rows.add([row._replace(id=id_, timestamp=moment)])
            else:
                rows.add([row])
    sink = Sink(database.url)
    await sink.claim({EVENTS: Log("topic-a")})
    await sink.write(ProjectionBatch(rows, {EVENTS: Move(0, 1)}))
    await sink.close()


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "change",
    ["update {} set camera_id = camera_id", "delete from {}", "truncate {}"],
    ids=["update", "delete", "truncate"],
)
class TestThePastCannotBeChanged:
    async def test_the_application_has_no_right_to(
        self, database: Database, sides: Sides, table: str, change: str
    ) -> None:
        await written(database)

        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await sides.application.execute(change.format(table))

    async def test_the_superuser_is_refused_by_trigger(
        self, database: Database, sides: Sides, table: str, change: str
    ) -> None:
        await written(database)
        for partition in await sides.admin.fetch(PARTITIONS_OF, table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await sides.admin.execute(change.format(partition[0]))

        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await sides.admin.execute(change.format(table))
        assert await sides.admin.fetchval(f"select count(*) from {table}") == 1  # noqa: S608  # our names


async def test_the_application_may_do_what_is_granted_and_nothing_else(sides: Sides) -> None:
    role = await sides.application.fetchval("select current_user")
    rows = await sides.admin.fetch(
        "select table_name, privilege_type from information_schema.role_table_grants "
        "where table_schema = 'read_model' and grantee = $1",
        role,
    )
    found: dict[str, set[str]] = {}
    for table, right in rows:
        found.setdefault(table, set()).add(right.lower())

    assert found == {table: set(rights.split(", ")) for table, rights in GRANTS.items()}
    for forbidden in ("delete from devices", "create table mine ()", "select guard('ai_events')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await sides.application.execute(forbidden)


async def test_the_tables_are_those_that_queries_know(sides: Sides) -> None:
    rows = await sides.admin.fetch(
        "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull "
        "from pg_attribute a join pg_class c on c.oid = a.attrelid "
        "where c.relnamespace = 'read_model'::regnamespace and not c.relispartition "
        "and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped "
        "and c.relname <> 'alembic_version' order by c.relname, a.attnum"
    )
    dialect = sa.create_mock_engine("postgresql+asyncpg://", lambda *_: None).dialect
    names = {"VARCHAR(128)": "character varying(128)", "TIMESTAMP WITH TIME ZONE": None}

    def described(column: sa.Column[object]) -> str:
        text = column.type.compile(dialect)
        return (names.get(text) or text).lower()

    known = {
        (table.name, column.name, described(column), bool(column.nullable))
        for table in METADATA.tables.values()
        for column in table.columns
    }
    assert {tuple(row) for row in rows} == known


def test_rows_have_the_columns_of_their_tables_in_order() -> None:
    for table in (statement.ATTEMPTS, statement.CLIPS, statement.DEVICES, statement.EVENTS):
        assert table.columns == tuple(METADATA.tables[table.name].columns.keys())


class TestMigrating:
    async def test_again_and_by_many_at_once_changes_nothing(self, database: Database) -> None:
        said: list[str] = []

        await asyncio.gather(
            *(
                migrate(database.admin_url, application_role=role_of(database.url), say=said.append)
                for _ in range(5)
            )
        )

        schemas = Counter(text.partition(":")[0] for text in said if "already at" in text)
        assert schemas == {"read_model": 5, "operation": 5}

    async def test_into_another_schema_makes_the_same_tables(
        self, database: Database, sides: Sides
    ) -> None:
        await migrate(database.admin_url, application_role=role_of(database.url), schema="fresh")

        columns = (
            "select table_name, column_name, data_type from information_schema.columns "
            "where table_schema = $1 and table_name not like '%_20%' order by 1, 2"
        )
        live = await sides.admin.fetch(columns, "read_model")
        assert live == await sides.admin.fetch(columns, "fresh")

    async def test_without_the_role_it_is_refused_and_nothing_is_made(
        self, database: Database, sides: Sides
    ) -> None:
        with pytest.raises(MigrationFailed, match='role "who" of database_url does not exist'):
            await migrate(database.admin_url, application_role="who", schema="fresh")

        assert not await sides.admin.fetchval("select to_regnamespace('fresh')")

    async def test_a_schema_from_the_future_is_refused(
        self, database: Database, sides: Sides
    ) -> None:
        await sides.admin.execute("update alembic_version set version_num = 'read_model_9999'")

        with pytest.raises(MigrationFailed, match="run a newer Vidette"):
            await migrate(database.admin_url, application_role=role_of(database.url))


class TestPartitions:
    async def test_there_are_days_ahead_and_a_default(self, sides: Sides) -> None:
        today = datetime.now(UTC).date()
        days = [today + timedelta(days=n) for n in range(-1, 15)]
        for table in APPEND_ONLY:
            names = [row[0] for row in await sides.admin.fetch(PARTITIONS_OF, table)]
            expected = [f"{table}_{day:%Y%m%d}" for day in days]
            assert set(expected) <= set(names)
            assert f"{table}_default" in names

    async def test_the_application_makes_them_and_again_makes_none(self, sides: Sides) -> None:
        first, last = date(2031, 5, 1), date(2031, 5, 3)
        ensure = "select ensure_partitions($1, $2)"

        assert await sides.application.fetchval(ensure, first, last) == 9
        assert await sides.application.fetchval(ensure, first, last) == 0
        assert await sides.application.fetchval(ensure, first, last + timedelta(days=1)) == 3

    async def test_many_callers_at_once_make_each_once(self, database: Database) -> None:
        sinks = [Sink(database.url) for _ in range(6)]

        made = await asyncio.gather(
            *(sink.ensure_partitions(date(2032, 1, 1), date(2032, 1, 9)) for sink in sinks)
        )

        assert sorted(made) == [0, 0, 0, 0, 0, 27]
        for sink in sinks:
            await sink.close()

    async def test_they_are_made_while_others_write(self, database: Database) -> None:
        sink = Sink(database.url)
        await sink.claim({EVENTS: Log("topic-a")})

        async def write() -> None:
            for n in range(40):
                moment = DESCRIBED.timestamp + timedelta(days=n)
                rows = Rows()
                for row in project(DESCRIBED, moment, 0):
                    if isinstance(row, EventRow):
                        rows.add([row._replace(timestamp=moment)])
                    else:
                        rows.add([row])
                await sink.write(ProjectionBatch(rows, {EVENTS: Move(n, n + 1)}))

        maker = Sink(database.url)
        began = DESCRIBED.timestamp.date()
        await asyncio.gather(
            write(),
            *(
                maker.ensure_partitions(began + timedelta(days=n), began + timedelta(days=n + 1))
                for n in range(0, 40, 2)
            ),
        )
        await sink.close()
        await maker.close()

    async def test_far_past_and_far_future_go_to_the_default_partition(
        self, database: Database, sides: Sides
    ) -> None:
        moments = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 23, 59, tzinfo=UTC))
        await written(database, *moments)

        assert await sides.admin.fetchval("select count(*) from ai_events_default") == 2

    async def test_a_day_that_the_default_partition_has_rows_of_is_left_there(
        self, database: Database, sides: Sides
    ) -> None:
        await written(database, datetime(2040, 7, 2, 12, tzinfo=UTC))

        made = await sides.application.fetchval(
            "select ensure_partitions($1, $2)", date(2040, 7, 1), date(2040, 7, 3)
        )

        names = [row[0] for row in await sides.admin.fetch(PARTITIONS_OF, "ai_events")]
        assert "ai_events_20400702" not in names
        assert {"ai_events_20400701", "ai_events_20400703"} <= set(names)
        assert made == 8

    async def test_a_century_at_once_is_refused(self, sides: Sides) -> None:
        with pytest.raises(asyncpg.DataError, match="at most 400 days"):
            await sides.application.fetchval(
                "select ensure_partitions($1, $2)", date(2000, 1, 1), date(2099, 1, 1)
            )

    async def test_a_partition_made_by_hand_is_append_only_too(self, sides: Sides) -> None:
        await sides.admin.execute(
            "create table by_hand partition of clips for values "
            "from ('2050-01-01 00:00+00') to ('2051-01-01 00:00+00')"
        )
        await sides.admin.execute(
            "insert into clips (event_id, timestamp, camera_id, truncated, frames, snapshot, "
            "created_at) values (gen_random_uuid(), '2050-05-05', gen_random_uuid(), false, '[]', "
            "false, now())"
        )

        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await sides.admin.execute("delete from by_hand")


@pytest.mark.parametrize(
    ("url", "role"),
    [
        ("postgresql://vidette:pw@host/db", "vidette"),
        ("postgresql://na%40me@host/db", "na@me"),
        ("postgresql:///db?host=/tmp&user=me", "me"),
    ],
)
def test_the_role_is_the_user_of_the_url(url: str, role: str) -> None:
    assert role_of(url) == role


def test_a_url_without_a_user_is_refused() -> None:
    with pytest.raises(MigrationFailed, match="names no user"):
        role_of("postgresql://host/db")
