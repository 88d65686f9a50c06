"""What is remembered of earlier answers, in PostgreSQL as in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid5

import pytest
from msgspec import structs

from connectors.memory.providers.answers import MemoryAnswers
from connectors.memory.read_model import MemoryReadModel, Store
from connectors.postgres.answers import PostgresAnswers
from connectors.postgres.pool import ReadPool
from connectors.postgres.sink import Sink
from schemas.examples.operation import CLEAR_CACHE
from schemas.examples.stories import DEGRADED, DESCRIBED
from schemas.outcomes import Degraded, Described, Earlier
from streams.projection.ports import Log, Move, ProjectionBatch, ReadModel
from streams.projection.project import project
from streams.projection.rows import Rows
from streams.providers.layers import Answers
from streams.providers.orders import Orders
from streams.records import Partition
from tests.contracts.test_read_model import Database

EVENTS = Partition("ai.events.v1", 0)
KEY, OTHER_KEY = "a" * 64, "b" * 64
NEAR, FAR = "00000000000000ff", "ffffffffffffffff"
BASE = "0000000000000000"
GIVEN_AT = DESCRIBED.timestamp + timedelta(seconds=20)
LONG_AGO = GIVEN_AT - timedelta(days=365)


@dataclass
class Subject:
    """A read model and what is asked of it."""

    writes: ReadModel
    answers: Answers
    orders: Orders

    async def hold(self, *outcomes: Described | Degraded) -> None:
        rows = Rows()
        for offset, outcome in enumerate(outcomes):
            rows.add(project(outcome, GIVEN_AT + timedelta(seconds=offset), offset))
        await self.writes.claim({EVENTS: Log("topic-a")})
        await self.writes.write(ProjectionBatch(rows, {EVENTS: Move(0, len(outcomes))}))


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    database: Database = request.getfixturevalue("database")
    return database.url


@pytest.fixture
async def subject(url: str | None) -> AsyncIterator[Subject]:
    orders = Orders()
    if url is None:
        store = Store()
        yield Subject(MemoryReadModel(store), MemoryAnswers(store, orders.cleared), orders)
        return
    sink, pool = Sink(url), ReadPool(url)
    yield Subject(sink, PostgresAnswers(pool, orders.cleared), orders)
    await pool.close()
    await sink.close()


def given(
    name: str, *, key: str | None = KEY, kind: str = "person", hashes: Sequence[str] = (BASE,)
) -> Described:
    """A provider's answer that says its own name."""
    frame = DESCRIBED.frames[0]
    return structs.replace(
        DESCRIBED,
        id=_id(name),
        prompt_kind=kind,
        content_key=key,
        answer=structs.replace(DESCRIBED.answer, description=name),
        frames=tuple(structs.replace(frame, dhash=dhash) for dhash in hashes),
    )


def _id(name: str) -> UUID:
    return uuid5(DESCRIBED.id, name)


async def test_the_same_frames_under_the_same_prompt_have_the_newest_answer(
    subject: Subject,
) -> None:
    await subject.hold(given("old"), given("new"), given("other", key=OTHER_KEY))

    known = await subject.answers.same(KEY, "person", LONG_AGO)

    assert known is not None
    assert (known.answer.description, known.provider) == ("new", DESCRIBED.provider_used)
    assert known.earlier == Earlier(
        cache_type="content", outcome_id=_id("new"), answered_at=GIVEN_AT + timedelta(seconds=1)
    )


async def test_an_answer_too_old_is_none(subject: Subject) -> None:
    await subject.hold(given("old"))

    assert await subject.answers.same(KEY, "person", GIVEN_AT + timedelta(seconds=1)) is None


async def test_an_answer_that_was_itself_taken_from_the_cache_is_no_source(
    subject: Subject,
) -> None:
    used = structs.replace(
        given("used"),
        reused=Earlier(cache_type="content", outcome_id=_id("x"), answered_at=GIVEN_AT),
    )
    stood_in = structs.replace(DEGRADED, content_key=KEY)
    await subject.hold(used, stood_in)

    assert await subject.answers.same(KEY, "person", LONG_AGO) is None
    hashes, camera = (BASE,), DESCRIBED.camera_id
    assert await subject.answers.similar(camera, "person", hashes, LONG_AGO) is None


async def test_what_is_computed_at_home_is_not_remembered(subject: Subject) -> None:
    await subject.hold(given("motion", key=None))

    camera = DESCRIBED.camera_id
    assert await subject.answers.similar(camera, "person", (BASE,), LONG_AGO) is None


async def test_the_nearest_of_alike_frames_stands_in(subject: Subject) -> None:
    nearest = "0000000000000001"
    await subject.hold(
        given("far", hashes=(FAR,)),
        given("near", hashes=("0000000000000007",)),
        given("nearest", hashes=(FAR, nearest)),
        given("another kind", kind="vehicle"),
    )

    found = await subject.answers.similar(DESCRIBED.camera_id, "person", (BASE,), LONG_AGO)

    assert found is not None
    assert (found.answer.description, found.earlier.distance) == ("nearest", 1.0)
    assert found.earlier.cache_type == "similar"


async def test_of_several_frames_the_mean_counts(subject: Subject) -> None:
    await subject.hold(given("half", hashes=(BASE,)))

    found = await subject.answers.similar(DESCRIBED.camera_id, "person", (BASE, NEAR), LONG_AGO)

    assert found is not None
    assert found.earlier.distance == 4.0


async def test_frames_that_are_not_alike_and_other_cameras_find_nothing(subject: Subject) -> None:
    await subject.hold(given("far", hashes=(FAR,)), given("near"))

    assert await subject.answers.similar(_id("camera"), "person", (BASE,), LONG_AGO) is None
    unlike = ("00000000ffffffff",)
    assert await subject.answers.similar(DESCRIBED.camera_id, "person", unlike, LONG_AGO) is None


async def test_what_happened_shortly_before_is_told_oldest_first(subject: Subject) -> None:
    moment = DESCRIBED.timestamp
    events = [
        structs.replace(given(f"{ago} s"), timestamp=moment - timedelta(seconds=ago))
        for ago in (10, 100, 299, 200, 301)
    ]
    await subject.hold(*events, given("now"))

    told = await subject.answers.nearby(DESCRIBED.camera_id, moment)

    assert list(told) == [f"{ago} s before: {ago} s" for ago in (200, 100, 10)]


@pytest.mark.parametrize(
    ("kind", "after_s", "forgotten"),
    [("person", 1, True), ("all", 1, True), ("vehicle", 1, False), ("person", 0, False)],
)
async def test_what_was_answered_before_its_kind_was_cleared_is_forgotten(
    subject: Subject, kind: str, after_s: float, *, forgotten: bool
) -> None:
    await subject.hold(given("old"))
    subject.orders.apply(
        structs.replace(CLEAR_CACHE, kind=kind, issued_at=GIVEN_AT + timedelta(seconds=after_s))
    )

    same = await subject.answers.same(KEY, "person", LONG_AGO)
    similar = await subject.answers.similar(DESCRIBED.camera_id, "person", (BASE,), LONG_AGO)

    assert (same is None, similar is None) == (forgotten, forgotten)


async def test_a_database_that_is_away_knows_nothing() -> None:
    pool = ReadPool("postgresql://nobody@127.0.0.1:1/nothing")
    answers = PostgresAnswers(pool, Orders().cleared)

    assert await answers.same(KEY, "person", LONG_AGO) is None
    assert await answers.similar(DESCRIBED.camera_id, "person", (BASE,), LONG_AGO) is None
    assert await answers.nearby(DESCRIBED.camera_id, GIVEN_AT) == ()
    await pool.close()
