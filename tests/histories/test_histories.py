"""Logs that earlier releases wrote: today's code must read them as it did then, for ever.

A history is never changed, only added (docs/upgrades.md says how).
"""

import shutil
from pathlib import Path
from typing import Final, get_args

import asyncpg
import pytest

from connectors.archive.file import head, records
from infra.services.endpoints import Endpoints
from schemas.clips import SkipReason
from schemas.event import tag
from schemas.outcomes import UndescribedReason
from schemas.upcasts import UPCASTS
from streams.projection.project import PROJECTED
from tests.embedded import finish, fresh_cluster, migrated
from tests.histories.replay import (
    PROJECTED_TOPICS,
    TABLES,
    Tables,
    differences,
    document,
    expected,
    hour,
    main,
    read,
    rows_of,
)
from tests.histories.story import live, save
from tests.system.processes import command
from tests.system.site import Site

LOGS: Final = sorted((Path(__file__).parent / "logs").glob("*.jsonl.gz"))
EACH: Final = pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
OF_THE_LOG: Final = ("dead letters", "refused")
"""What no table holds."""


def test_there_is_a_history_of_the_first_release() -> None:
    assert LOGS


@EACH
def test_a_history_gives_the_rows_that_it_always_gave(log: Path) -> None:
    assert differences(expected(rows_of(log)), read(log)) == []


@EACH
def test_the_database_holds_the_same_after_a_restore_and_a_rebuild(
    log: Path, endpoints: Endpoints, migrated_template: str, tmp_path: Path
) -> None:
    """Restored, records have other offsets, by which the versions of registrations go."""
    with migrated(endpoints, migrated_template) as database:
        partitions = max(head(log).partitions.values())
        site = Site(fresh_cluster(endpoints, partitions=partitions), database, tmp_path)
        for words in (("log", "restore", str(log)), ("projections", "rebuild", "--accept")):
            done = command(site, *words)
            assert done.returncode == 0, done.stderr
        found = finish(stored(database.url))

    wanted = {k: v for k, v in expected(rows_of(log)).items() if k not in OF_THE_LOG}
    assert differences(wanted, found, frozenset({"registry_version"})) == []


async def stored(url: str) -> Tables:
    """The tables of the read model."""
    connection = await asyncpg.connect(url, server_settings={"search_path": "read_model"})
    try:
        tables: Tables = {}
        for table, row in TABLES.items():
            columns = ", ".join(f'"{name}"' for name in row._fields)
            found = await connection.fetch(f"select {columns} from {table}")  # noqa: S608  # ours
            tables[table] = [document(row(*record)) for record in found]
        hours = await connection.fetch(
            "select hour, camera_id, model_id, outcome, sum(n)::int from events_per_hour "
            "group by 1, 2, 3, 4"
        )
        tables["events_per_hour"] = [hour(*record) for record in hours]
    finally:
        await connection.close()
    return tables


def seen(table: str, column: str) -> set[object]:
    """What the histories have in a column."""
    return {row[column] for log in LOGS for row in expected(rows_of(log))[table]}


def test_the_histories_have_every_word_that_is_projected_and_every_one_that_is_upcast() -> None:
    values = [r.value or b"" for log in LOGS for r in records(log)]
    wanted = {tag(word) for topic in PROJECTED for word in topic.words} | UPCASTS.keys()

    written = {name for name in wanted if any(f'"type":"{name}"'.encode() in v for v in values)}
    assert written == wanted


def test_the_histories_have_every_outcome_of_today_and_every_reason_that_policy_gives() -> None:
    assert seen("ai_events", "outcome") >= {
        "described",
        "degraded",
        "undescribed",
        "skipped",
        "recorded",
    }
    assert seen("ai_events", "reason") >= {*get_args(UndescribedReason), *get_args(SkipReason)}


def test_the_histories_have_repeats_poison_and_letters_open_and_redriven() -> None:
    records_of_outcomes = [
        r.value for log in LOGS for r in records(log) if r.partition.topic in PROJECTED_TOPICS
    ]

    assert len(records_of_outcomes) > len(set(records_of_outcomes))
    assert seen("refused", "reason") >= {"empty", "invalid", "malformed", "nul_character"}
    assert seen("dead letters", "redriven") == {True, False}


WANTED: Final[Tables] = {"devices": [{"id": 1, "name": "gate"}, {"id": 2, "name": "yard"}]}


def test_a_row_that_is_missing_other_or_new_is_a_difference() -> None:
    other = {"devices": [{"id": 1, "name": "door"}, {"id": 2, "name": "yard"}]}

    assert len(differences(WANTED, {"devices": WANTED["devices"][:1]})) == 1
    assert len(differences(WANTED, other)) == 2
    assert len(differences(WANTED, {"devices": [*WANTED["devices"], {"id": 3}]})) == 1
    assert len(differences(WANTED, {"devices": [*WANTED["devices"], WANTED["devices"][0]]})) == 1


def test_columns_and_tables_that_came_later_are_no_difference() -> None:
    later: Tables = {
        "devices": [row | {"floor": 2} for row in WANTED["devices"]],
        "floors": [{"id": 2}],
    }

    assert differences(WANTED, later) == []


def test_what_is_expected_of_a_history_is_written_once(tmp_path: Path) -> None:
    copy = Path(shutil.copy(LOGS[0], tmp_path))
    main(copy)

    with pytest.raises(FileExistsError):
        main(copy)
    assert rows_of(copy).read_bytes()


@pytest.mark.long
def test_a_log_that_is_recorded_now_is_read_as_the_live_database_was_written(
    endpoints: Endpoints, migrated_template: str, tmp_path: Path
) -> None:
    with migrated(endpoints, migrated_template) as database:
        site = Site(fresh_cluster(endpoints), database, tmp_path)
        live(site)
        save(site, tmp_path / "now.jsonl.gz")
        found = finish(stored(database.url))

    wanted = {k: v for k, v in read(tmp_path / "now.jsonl.gz").items() if k not in OF_THE_LOG}
    assert differences(wanted, found) == []
