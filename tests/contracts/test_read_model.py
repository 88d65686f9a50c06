"""What every read model does, in PostgreSQL as in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg
import pytest
from msgspec import structs

from connectors.memory.read_model import MemoryReadModel, Store
from connectors.postgres.sink import Sink
from schemas.examples.stories import ATTEMPT, DESCRIBED, RECORDED, SKIPPED, UNDESCRIBED
from schemas.examples.upstream import REGISTRATION
from schemas.outcomes import InferenceRecorded
from streams import identity
from streams.projection.ports import (
    LedgerBehindLog,
    LedgerBeyondLog,
    LedgerLost,
    LedgerOfAnotherLog,
    Log,
    Move,
    ProjectionBatch,
    ReadModel,
    RowRefused,
)
from streams.projection.project import Projected, project
from streams.projection.rows import Rows
from streams.records import Partition

INFERENCES = Partition("ai.inferences.v1", 3)
EVENTS = Partition("ai.events.v1", 3)
ELSEWHERE = Partition("ai.events.v1", 4)
LOG = Log("topic-a", first=0, end=1000)
RECORDED_AT = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


@dataclass
class Contents:
    """What a read model holds."""

    events: set[UUID]
    attempts: set[UUID]
    clips: set[UUID]
    devices: dict[UUID, tuple[bool, str, str | None]]
    per_hour: int
    next: dict[Partition, int]


class Database(Protocol):
    """The fixture `database` of tests/conftest.py."""

    url: str
    admin_url: str


class Subject(Protocol):
    """A kind of read model under test; each `worker` is one more writer to the same tables."""

    def worker(self) -> ReadModel: ...

    async def contents(self) -> Contents: ...


@dataclass
class InMemory:
    store: Store

    def worker(self) -> ReadModel:
        return MemoryReadModel(self.store)

    async def contents(self) -> Contents:
        store = self.store
        return Contents(
            events=set(store.events),
            attempts={id_ for id_, _ in store.attempts},
            clips=set(store.clips),
            devices={d.id: (d.registered, d.source_id, d.name) for d in store.devices.values()},
            per_hour=store.events_per_hour.total(),
            next={partition: row.next for partition, row in store.ledger.items()},
        )


@dataclass
class InPostgres:
    url: str
    workers: list[Sink]

    def worker(self) -> ReadModel:
        self.workers.append(Sink(self.url))
        return self.workers[-1]

    async def contents(self) -> Contents:
        connection = await asyncpg.connect(self.url, server_settings={"search_path": "read_model"})
        try:
            events = await connection.fetch("select id from ai_events")
            attempts = await connection.fetch("select id from provider_attempts")
            clips = await connection.fetch("select event_id from clips")
            devices = await connection.fetch("select id, registered, source_id, name from devices")
            hours = await connection.fetchval("select coalesce(sum(n), 0) from events_per_hour")
            ledger = await connection.fetch("select topic, part, next from projection_offsets")
        finally:
            await connection.close()
        return Contents(
            events={row[0] for row in events},
            attempts={row[0] for row in attempts},
            clips={row[0] for row in clips},
            devices={row[0]: (row[1], row[2], row[3]) for row in devices},
            per_hour=int(hours),
            next={Partition(row[0], row[1]): row[2] for row in ledger},
        )


def rows_of(events: Sequence[Projected], *, at: datetime = RECORDED_AT) -> Rows:
    rows = Rows()
    for offset, event in enumerate(events):
        rows.add(project(event, at, offset))
    return rows


def batch(
    events: Sequence[Projected], since: int, to: int, *, of: Partition = EVENTS
) -> ProjectionBatch:
    return ProjectionBatch(rows_of(events), {of: Move(since, to)})


def inference(n: int) -> InferenceRecorded:
    moment = RECORDED.timestamp + timedelta(seconds=n)
    result = structs.replace(RECORDED.result, result_id=f"r{n}", timestamp=moment)
    id_ = identity.inference_id(result)
    return structs.replace(RECORDED, id=id_, event_id=id_, timestamp=moment, result=result)


def forged(**values: object) -> ProjectionBatch:
    """A batch of three inferences whose middle row has values that no decoder lets pass."""
    rows = rows_of([inference(n) for n in range(3)])
    rows.events[1] = rows.events[1]._replace(**values)  # type: ignore[arg-type]  # rows of any kind
    return ProjectionBatch(rows, {EVENTS: Move(0, 3)})


class ReadModelContract:
    async def test_what_is_written_is_there_with_its_position(self, subject: Subject) -> None:
        model = subject.worker()
        assert await model.claim({EVENTS: LOG}) == {EVENTS: 0}

        words = (DESCRIBED, UNDESCRIBED, SKIPPED, RECORDED, ATTEMPT)
        await model.write(batch(words, 0, 5))

        contents = await subject.contents()
        assert contents.events == {word.id for word in words[:4]}
        assert contents.attempts == {ATTEMPT.id}
        assert contents.clips == {DESCRIBED.event_id, UNDESCRIBED.event_id}
        assert contents.per_hour == 4
        assert contents.next == {EVENTS: 5}

    async def test_a_first_claim_begins_where_the_log_begins(self, subject: Subject) -> None:
        assert await subject.worker().claim({EVENTS: replace(LOG, first=17)}) == {EVENTS: 17}

    async def test_a_later_claim_goes_on_where_the_last_write_ended(self, subject: Subject) -> None:
        first, second = subject.worker(), subject.worker()
        await first.claim({EVENTS: LOG, INFERENCES: LOG})
        await first.write(batch([DESCRIBED], 0, 8))

        assert await second.claim({EVENTS: LOG, INFERENCES: LOG}) == {EVENTS: 8, INFERENCES: 0}

    async def test_a_batch_without_rows_moves_the_position(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        await model.write(batch([], 0, 2))
        await model.write(batch([DESCRIBED], 2, 4))

        assert (await subject.contents()).next == {EVENTS: 4}

    async def test_redelivery_changes_nothing(self, subject: Subject) -> None:
        words = [inference(n) for n in range(20)]
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        await model.write(batch([*words, DESCRIBED, ATTEMPT, REGISTRATION], 0, 23))
        before = await subject.contents()

        await model.write(batch([*words, *words, DESCRIBED, ATTEMPT, REGISTRATION], 23, 66))

        assert await subject.contents() == replace(before, next={EVENTS: 66})

    async def test_a_zombie_cannot_write(self, subject: Subject) -> None:
        zombie, owner = subject.worker(), subject.worker()
        await zombie.claim({EVENTS: LOG})
        await owner.claim({EVENTS: LOG})

        with pytest.raises(LedgerLost):
            await zombie.write(batch([DESCRIBED], 0, 1))

        assert not (await subject.contents()).events
        await owner.write(batch([DESCRIBED], 0, 1))

    async def test_a_zombie_of_one_partition_writes_nothing_of_the_batch(
        self, subject: Subject
    ) -> None:
        zombie, owner = subject.worker(), subject.worker()
        await zombie.claim({EVENTS: LOG, INFERENCES: LOG})
        await owner.claim({EVENTS: LOG})

        moves = {EVENTS: Move(0, 1), INFERENCES: Move(0, 1)}
        with pytest.raises(LedgerLost):
            await zombie.write(ProjectionBatch(rows_of([DESCRIBED]), moves))

        contents = await subject.contents()
        assert (contents.events, contents.next) == (set(), {EVENTS: 0, INFERENCES: 0})

    async def test_a_batch_that_does_not_follow_the_last_is_refused(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        await model.write(batch([DESCRIBED], 0, 3))

        with pytest.raises(LedgerLost):
            await model.write(batch([SKIPPED], 4, 5))
        with pytest.raises(LedgerLost):
            await model.write(batch([SKIPPED], 2, 5))

        await model.write(batch([SKIPPED], 3, 5))

    async def test_a_partition_that_was_not_claimed_cannot_be_written(
        self, subject: Subject
    ) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})

        with pytest.raises(LedgerLost):
            await model.write(batch([RECORDED], 0, 1, of=INFERENCES))

    async def test_the_ledger_of_another_topic_stops_loudly(self, subject: Subject) -> None:
        await subject.worker().claim({EVENTS: LOG})

        with pytest.raises(LedgerOfAnotherLog, match="projections rebuild"):
            await subject.worker().claim({EVENTS: Log("topic-b", 0, 1000)})

    async def test_a_ledger_beyond_the_log_stops_loudly(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        await model.write(batch([DESCRIBED], 0, 9))

        with pytest.raises(LedgerBeyondLog, match=r"ends at 8.*projections rebuild"):
            await model.claim({EVENTS: replace(LOG, end=8)})
        assert await model.claim({EVENTS: replace(LOG, end=9)}) == {EVENTS: 9}

    async def test_a_log_that_expired_unread_stops_loudly(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})

        with pytest.raises(LedgerBehindLog, match="begins at 5"):
            await model.claim({EVENTS: replace(LOG, first=5)})

    async def test_a_refused_claim_leaves_the_owner_alone(self, subject: Subject) -> None:
        owner = subject.worker()
        await owner.claim({EVENTS: LOG})
        with pytest.raises(LedgerOfAnotherLog):
            await subject.worker().claim({EVENTS: Log("topic-b", 0, 1000)})

        await owner.write(batch([DESCRIBED], 0, 1))

    @pytest.mark.parametrize(
        "values",
        [
            {"frame_id": 2**31},
            {"confidence": 1.5},
            {"detections": rb'{"a": "\u0000"}'},
            {"description": "nul \x00"},
        ],
        ids=["frame_id", "confidence", "nul in json", "nul in text"],
    )
    async def test_one_bad_row_is_refused_and_nothing_of_its_batch_is_written(
        self, subject: Subject, values: dict[str, object]
    ) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})

        with pytest.raises(RowRefused):
            await model.write(forged(**values))

        contents = await subject.contents()
        assert (contents.events, contents.per_hour) == (set(), 0)
        assert (contents.devices, contents.next) == ({}, {EVENTS: 0})
        await model.write(batch([inference(0)], 0, 1))  # its neighbours pass, under the same claim

    async def test_an_unknown_camera_is_a_device_until_the_registry_tells_more(
        self, subject: Subject
    ) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        await model.write(batch([RECORDED], 0, 1))
        camera = RECORDED.camera_id
        native = RECORDED.result.camera_id
        assert (await subject.contents()).devices == {camera: (False, native, None)}

        await model.write(batch([structs.replace(REGISTRATION, camera_id=str(camera))], 1, 2))
        await model.write(batch([inference(2)], 2, 3))

        devices = (await subject.contents()).devices
        assert devices == {camera: (True, str(camera), REGISTRATION.name)}

    async def test_a_registration_in_the_batch_of_a_first_mention_wins(
        self, subject: Subject
    ) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        registered = structs.replace(REGISTRATION, camera_id=str(RECORDED.camera_id))

        await model.write(batch([RECORDED, registered, DESCRIBED], 0, 3))

        assert (await subject.contents()).devices[RECORDED.camera_id][0] is True

    async def test_an_old_registration_does_not_undo_a_newer_one(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        newer, older = (structs.replace(REGISTRATION, name=name) for name in ("newer", "older"))
        for offset, (event, version) in enumerate(((newer, 7), (older, 6))):
            rows = Rows()
            rows.add(project(event, RECORDED_AT, version))
            await model.write(ProjectionBatch(rows, {EVENTS: Move(offset, offset + 1)}))

        (device,) = (await subject.contents()).devices.values()
        assert device[2] == "newer"

    async def test_of_mentions_the_earliest_counts_in_whatever_order_they_come(
        self, subject: Subject
    ) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG})
        for offset, (native, minutes) in enumerate((("b", 5), ("c", 9), ("a", 5), ("d", 6))):
            result = structs.replace(RECORDED.result, camera_id=native)
            at = RECORDED_AT + timedelta(minutes=minutes)
            rows = rows_of([structs.replace(RECORDED, result=result)], at=at)
            await model.write(ProjectionBatch(rows, {EVENTS: Move(offset, offset + 1)}))

        assert (await subject.contents()).devices == {RECORDED.camera_id: (False, "a", None)}

    async def test_batches_of_two_slices_are_a_mistake(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG, ELSEWHERE: LOG})

        with pytest.raises(ValueError, match="one slice"):
            await model.write(ProjectionBatch(Rows(), {EVENTS: Move(0, 1), ELSEWHERE: Move(0, 1)}))

    async def test_two_slices_write_at_once(self, subject: Subject) -> None:
        model = subject.worker()
        await model.claim({EVENTS: LOG, ELSEWHERE: LOG})

        await asyncio.gather(
            model.write(batch([inference(n) for n in range(50)], 0, 50)),
            model.write(batch([inference(n) for n in range(25, 75)], 0, 50, of=ELSEWHERE)),
        )

        contents = await subject.contents()
        assert (len(contents.events), contents.per_hour) == (75, 75)


class TestInMemory(ReadModelContract):
    @pytest.fixture
    def subject(self) -> Subject:
        return InMemory(Store())


class TestInPostgres(ReadModelContract):
    @pytest.fixture
    async def subject(self, database: Database) -> AsyncIterator[Subject]:
        found = InPostgres(database.url, [])
        yield found
        for worker in found.workers:
            await worker.close()
