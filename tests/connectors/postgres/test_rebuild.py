"""The read model made anew from a real log, while workers write and when they don't."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import pytest
from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec
from msgspec import structs

from connectors.kafka import topics
from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from connectors.postgres import rebuild as schemas
from connectors.postgres.connection import Connection, connect
from connectors.postgres.sink import Sink
from infra.rebuild import OLD, Databases, Fold, RebuildFailed, Report, rebuild
from schemas.codec import encode
from schemas.examples.stories import ATTEMPT, DESCRIBED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import REGISTRATION
from schemas.outcomes import InferenceRecorded
from streams import identity
from streams.projection.ports import LedgerLost, Move, ProjectionBatch
from streams.projection.project import PROJECTED, Projected
from streams.projection.rows import Rows
from streams.topic_plan import Layout

PARTITIONS = 3


class Database(Protocol):
    url: str
    admin_url: str


class Endpoints(Protocol):
    bootstrap_servers: str


@dataclass
class Site:
    """A log of its own, and a database that workers have (or have not yet) folded it into."""

    cluster: Cluster
    databases: Databases
    admin: Connection
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.cluster, (topic.name for topic in PROJECTED))

    async def publish(self, words: Iterable[Projected | bytes], *, abort: bool = False) -> None:
        """In one transaction, so that markers stand in the log; bytes go to the topic of events.

        Returns when the markers are there: a commit returns before, and readers would see nothing.
        """
        await self.history.logs()  # waits until every partition of the fresh topics has its leader
        await asyncio.to_thread(self._publish, list(words), abort=abort)
        while not await asyncio.to_thread(self._is_settled):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.05)

    def _is_settled(self) -> bool:
        latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # theirs
        places = {
            TopicPartition(self.cluster.named(topic.name), number): latest
            for topic in PROJECTED
            for number in range(PARTITIONS)
        }
        admin = self.cluster.admin()  # kept in a name: answers come to no client that is gone
        written, readable = (
            {
                place: future.result(30).offset
                for place, future in admin.list_offsets(places, isolation_level=level).items()
            }
            for level in IsolationLevel
        )
        return written == readable

    def _publish(self, words: Sequence[Projected | bytes], *, abort: bool) -> None:
        settings = {**self.cluster.confluent(), "transactional.id": secrets.token_hex(4)}
        producer = Producer(settings)
        producer.init_transactions(30)
        producer.begin_transaction()
        for word in words:
            value = word if isinstance(word, bytes) else encode(word)
            name = next((t.name for t in PROJECTED if type(word) in t.words), "ai.events.v1")
            key = b"" if isinstance(word, bytes) else str(word.camera_id).encode()
            producer.produce(self.cluster.named(name), value, key)
        if abort:
            producer.flush(30)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)

    async def work(self, *, upto: int | None = None) -> None:
        """What the workers do: folds the log into the live tables, to its end or some offset."""
        sink = Sink(self.databases.url)
        logs = await self.history.logs()
        fold = Fold(self.history, sink, positions=await sink.claim(logs))
        ends = {part: log.end or 0 for part, log in logs.items()}
        if upto is not None:
            ends = {part: min(end, upto) for part, end in ends.items()}
        await fold.upto(ends, lambda _: None)
        await sink.close()

    async def rebuild(self, *, accept: bool = False, keep_old: bool = False) -> Report:
        return await rebuild(self.databases, self.history, accept=accept, keep_old=keep_old)

    async def count(self, table: str) -> int:
        return int(await self.admin.fetchval(f"select count(*) from read_model.{table}"))  # noqa: S608  # our names

    async def has(self, schema: str) -> bool:
        return bool(await self.admin.fetchval("select to_regnamespace($1) is not null", schema))


@pytest.fixture
async def site(endpoints: Endpoints, database: Database) -> AsyncIterator[Site]:
    cluster = Cluster(endpoints.bootstrap_servers, namespace=f"t{secrets.token_hex(4)}")
    topics.apply(cluster, topics.compare(cluster, Layout(PARTITIONS, 1)))
    admin = await connect(database.admin_url)
    yield Site(cluster, Databases(database.url, database.admin_url), admin)
    await admin.close()


def inferences(count: int, *, first: int = 0) -> list[InferenceRecorded]:
    """Of five cameras, over three days around the example's."""
    found = []
    for n in range(first, first + count):
        moment = RECORDED.timestamp + timedelta(minutes=n * 7)
        native = f"camera-{n % 5}"
        result = structs.replace(
            RECORDED.result, result_id=f"r{n}", timestamp=moment, camera_id=native
        )
        id_ = identity.inference_id(result)
        camera = identity.camera_id(result.source, native)
        found.append(
            structs.replace(
                RECORDED, id=id_, event_id=id_, timestamp=moment, camera_id=camera, result=result
            )
        )
    return found


def a_log() -> list[Projected]:
    """Something of everything, repeats and a camera that is registered late included."""
    late = structs.replace(REGISTRATION, source=RECORDED.result.source, camera_id="camera-3")
    words: Sequence[Projected] = (DESCRIBED, ATTEMPT, UNDESCRIBED, SKIPPED, REGISTRATION)
    return [*words, *inferences(500), late, *words, *inferences(20)]


async def test_what_workers_made_is_equal_to_what_the_log_says(site: Site) -> None:
    await site.publish(a_log())
    await site.publish(inferences(10, first=900), abort=True)
    await site.work()

    report = await site.rebuild()

    assert (report.equal, report.swapped, report.passed_over) == (True, True, 0)
    rows = {table.table: table.fresh.rows for table in report.tables}
    assert rows == {
        "devices": 7,
        "ai_events": 503,
        "provider_attempts": 1,
        "clips": 2,
        "answers": 0,
        "events_per_hour": 503,
    }
    assert await site.count("ai_events") == 503
    assert not await site.has(OLD)
    again = await site.rebuild()
    assert (again.equal, again.tables) == (True, report.tables)


async def test_workers_that_are_behind_are_compared_as_far_as_they_are(site: Site) -> None:
    await site.publish(a_log())
    await site.work(upto=40)

    report = await site.rebuild()

    assert report.equal
    assert 0 < await site.count("ai_events") < 503
    await site.work()
    assert await site.count("ai_events") == 503
    assert (await site.rebuild()).equal


@pytest.mark.parametrize(
    "forgery",
    [
        """insert into ai_events select gen_random_uuid(), camera_id, model_id, timestamp, frame_id,
        detections, confidence, event_metadata, created_at, event_id, outcome, description,
        provider_used, reason, fallback_reason, fallback_detail, degraded, revision, labels,
        correlation_id from ai_events limit 1""",
        "update events_per_hour set n = n + 1 where ctid = (select min(ctid) from events_per_hour)",
        "update devices set name = 'forged' where registered",
    ],
    ids=["a row too many", "a wrong roll-up", "another name"],
)
async def test_live_tables_that_are_no_fold_of_the_log_are_found_and_kept(
    site: Site, forgery: str
) -> None:
    await site.publish(a_log())
    await site.work()
    await site.admin.execute(forgery)

    report = await site.rebuild()

    assert (report.equal, report.swapped) == (False, False)
    assert len([table for table in report.tables if not table.equal]) == 1
    assert await site.has("read_model_next")

    accepted = await site.rebuild(accept=True, keep_old=True)
    assert (accepted.equal, accepted.swapped) == (False, True)
    assert await site.has(OLD)
    assert (await site.rebuild()).equal
    assert not await site.has(OLD)


async def test_after_a_disaster_the_log_is_enough(site: Site) -> None:
    await site.publish(a_log())
    await site.work()
    before = await schemas.still(site.admin, "read_model")
    await site.admin.execute("drop schema read_model cascade")

    report = await site.rebuild()

    assert (report.swapped, report.incomparable) == (True, "the live tables are empty or missing")
    after = await schemas.still(site.admin, "read_model")
    assert after.checksums == before.checksums
    assert after.ledger == before.ledger


async def test_workers_go_on_and_nothing_is_lost_or_doubled(site: Site) -> None:
    words = inferences(3000)
    await site.publish(words[:1500])
    await site.work()
    done, lost = asyncio.Event(), asyncio.Event()

    async def worker() -> None:
        """Writes one record at a time, and claims again whenever it is told that it lost."""
        sink = Sink(site.databases.url)
        while not done.is_set():
            logs = await site.history.logs()
            fold = Fold(site.history, sink, positions=await sink.claim(logs))
            try:
                while not done.is_set():
                    logs = await site.history.logs()
                    steps = {p: min(fold.positions[p] + 5, x.end or 0) for p, x in logs.items()}
                    await fold.upto(steps, lambda _: None)
            except LedgerLost:
                lost.set()
        await sink.close()

    working = asyncio.create_task(worker())
    await site.publish(words[1500:])
    report = await site.rebuild()
    await asyncio.wait_for(lost.wait(), 30)
    done.set()
    await working
    assert (report.equal, report.swapped) == (True, True)

    await site.work()
    assert await site.count("ai_events") == 3000
    assert (await site.rebuild()).equal


async def test_a_writer_of_before_the_swap_is_told_that_it_lost(site: Site) -> None:
    await site.publish(a_log())
    await site.work()
    sink = Sink(site.databases.url)
    logs = await site.history.logs()
    offsets = await sink.claim(logs)

    await site.rebuild()

    for partition, offset in offsets.items():
        with pytest.raises(LedgerLost):
            await sink.write(ProjectionBatch(Rows(), {partition: Move(offset, offset + 1)}))
    assert await sink.claim(logs) == offsets
    await sink.close()


async def test_the_fresh_schema_can_do_all_that_the_first_could(site: Site) -> None:
    await site.publish(a_log())
    await site.work()
    await site.rebuild(keep_old=True)

    application = await connect(site.databases.url)
    day = datetime(2033, 3, 3, tzinfo=UTC).date()
    assert await application.fetchval("select ensure_partitions($1, $1)", day) == 3
    await application.close()
    made = "select to_regclass($1) is not null"
    assert await site.admin.fetchval(made, "read_model.clips_20330303")
    assert not await site.admin.fetchval(made, f"{OLD}.clips_20330303")


async def test_days_of_the_past_get_partitions_of_their_own(site: Site) -> None:
    await site.publish(inferences(10))
    await site.work()
    await site.rebuild()

    day = RECORDED.timestamp
    assert await site.count(f"ai_events_{day:%Y%m%d}") == 10


async def test_what_has_no_rows_is_passed_over_and_counted(site: Site) -> None:
    nul = structs.replace(
        DESCRIBED,
        id=UUID(int=DESCRIBED.id.int + 1),
        answer=structs.replace(DESCRIBED.answer, description="nul \x00"),
    )
    await site.publish([*inferences(20), b"no json", nul, SKIPPED])
    await site.publish([encode(nul).replace(b"\\u0000", b"ok"), *inferences(20, first=20)])
    await site.work()

    report = await site.rebuild()

    assert (report.equal, report.passed_over) == (True, 2)
    assert await site.count("ai_events") == 42


async def test_another_log_can_only_be_accepted(site: Site, endpoints: Endpoints) -> None:
    await site.publish(a_log())
    await site.work()
    other = Cluster(endpoints.bootstrap_servers, namespace=f"t{secrets.token_hex(4)}")
    topics.apply(other, topics.compare(other, Layout(PARTITIONS, 1)))
    moved = Site(other, site.databases, site.admin)
    await moved.publish(inferences(7))

    report = await moved.rebuild()
    assert not report.swapped
    assert report.incomparable is not None
    assert "is not the log that" in report.incomparable
    assert await site.count("ai_events") == 503

    assert (await moved.rebuild(accept=True)).swapped
    assert await site.count("ai_events") == 7


async def test_only_one_rebuild_at_a_time(site: Site) -> None:
    assert await schemas.is_alone(site.admin)

    with pytest.raises(RebuildFailed, match="another rebuild"):
        await site.rebuild()
