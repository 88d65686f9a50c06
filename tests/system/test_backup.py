"""The log saved into a file and restored into another Kafka: the same records, the same rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.kafka.log.history import History
from connectors.kafka.topics import compare
from connectors.postgres import rebuild
from connectors.postgres.connection import connect
from connectors.postgres.rebuild import Checksum
from infra.cli.log import KEPT
from infra.services.endpoints import Endpoints
from schemas.codec import encode
from schemas.examples.stories import ATTEMPT, DESCRIBED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import REGISTRATION
from streams.records import Record
from streams.topic_plan import Layout
from streams.topics import AI_ATTEMPTS, AI_EVENTS, AI_INFERENCES, DEAD_LETTERS, REGISTRY
from tests.embedded import PARTITIONS, Database, finish, fresh_cluster, migrated
from tests.system.processes import command
from tests.system.site import Site

WORDS = (
    (REGISTRY, REGISTRATION),
    (AI_EVENTS, DESCRIBED),
    (AI_EVENTS, UNDESCRIBED),
    (AI_EVENTS, SKIPPED),
    (AI_EVENTS, DESCRIBED),
    (AI_ATTEMPTS, ATTEMPT),
    (AI_INFERENCES, RECORDED),
)
ODD: tuple[tuple[bytes | None, bytes | None, list[tuple[str, str | bytes | None]]], ...] = (
    (None, b"\xff\x00", [("n\u00f6rdlich", b"\x00\xff"), ("empty", b"")]),
    (b"", None, []),
)
"""Dead letters hold anything: no key, bytes that are no text, no value."""


@dataclass(frozen=True)
class Moved:
    """Before and after, what a stranger reads of each."""

    before: Site
    after: Site
    file: Path
    said: tuple[str, str]


@pytest.fixture(scope="module")
def moved(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Moved]:
    with (
        migrated(endpoints, migrated_template) as first,
        migrated(endpoints, migrated_template) as second,
    ):
        before = Site(fresh_cluster(endpoints), first, tmp_path_factory.mktemp("before"))
        after = Site(fresh_cluster(endpoints), second, tmp_path_factory.mktemp("after"))
        publish(before)
        file = before.folder / "log.jsonl.gz"
        said = (done(before, "log", "save", str(file)), done(after, "log", "restore", str(file)))
        for site in (before, after):
            done(site, "projections", "rebuild", "--accept")
        yield Moved(before, after, file, said)


def done(site: Site, *words: str) -> str:
    finished = command(site, *words)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def publish(site: Site) -> None:
    """In transactions, one of them aborted: neither it nor any marker is part of the log."""
    settings = site.cluster.confluent() | {"transactional.id": site.cluster.named("backup")}
    producer = Producer(settings)
    producer.init_transactions(30)
    for keep in (True, False, True):
        producer.begin_transaction()
        for topic, word in WORDS:
            key = str(getattr(word, "camera_id", "camera"))
            producer.produce(site.cluster.named(topic.name), encode(word), key)
        for odd_key, value, headers in ODD:
            name = site.cluster.named(DEAD_LETTERS.name)
            producer.produce(name, value, odd_key, 0, headers=headers)
        producer.flush(30)
        producer.commit_transaction(30) if keep else producer.abort_transaction(30)


def everything(site: Site) -> list[tuple[object, ...]]:
    """All that a record is but its offset."""
    return [
        (r.partition, r.key, r.value, tuple(r.headers), r.timestamp_ms) for r in finish(_read(site))
    ]


async def _read(site: Site) -> list[Record]:
    history = History(site.cluster, KEPT)
    spans = {p: (log.first, log.end or 0) for p, log in (await history.logs()).items()}
    found = [record async for batch in history.read(spans) for record in batch]
    return sorted(found, key=lambda record: (record.partition, record.offset))


def rows(database: Database) -> Mapping[str, Checksum]:
    async def looked() -> Mapping[str, Checksum]:
        connection = await connect(database.admin_url, name="test")
        try:
            found = await rebuild.still(connection, "read_model")
        finally:
            await connection.close()
        return found.checksums

    return finish(looked())


def test_every_committed_record_is_restored_as_it_was(moved: Moved) -> None:
    before = everything(moved.before)

    assert everything(moved.after) == before
    assert len(before) == 2 * (len(WORDS) + len(ODD))


def test_both_commands_say_how_many_records_there_were(moved: Moved) -> None:
    count = str(2 * (len(WORDS) + len(ODD)))

    assert [said.split()[0] for said in moved.said] == [count, count]


def test_the_tables_made_of_it_are_the_same(moved: Moved) -> None:
    before, after = rows(moved.before.database), rows(moved.after.database)

    assert before["ai_events"].rows == 4
    assert {name: found for name, found in after.items() if name != "devices"} == {
        name: found for name, found in before.items() if name != "devices"
    }
    assert before["devices"].rows == after["devices"].rows


def test_the_broker_dates_records_again_afterwards(moved: Moved) -> None:
    assert compare(moved.after.cluster, Layout(PARTITIONS, 1)) == ()


def test_a_topic_that_holds_records_is_never_added_to(moved: Moved) -> None:
    before = everything(moved.after)

    refused = command(moved.after, "log", "restore", str(moved.file))

    assert refused.returncode == 1
    assert "is not empty here" in refused.stderr
    assert everything(moved.after) == before


def test_a_file_that_was_cut_off_restores_nothing(
    moved: Moved, endpoints: Endpoints, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes(moved.file.read_bytes()[:-40])
    empty = Site(fresh_cluster(endpoints), moved.before.database, tmp_path)

    refused = command(empty, "log", "restore", str(cut))

    assert (refused.returncode, "cut off" in refused.stderr) == (1, True)
    assert everything(empty) == []
