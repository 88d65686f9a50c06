"""One suite for everything that keeps unfinished starts."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import pytest

from connectors.memory.journal import MemoryStarts
from connectors.postgres.starts import PostgresStarts
from streams.poison.starts import Place, Start, StartsStore
from streams.ports import StoreAway
from streams.records import Partition
from tests.embedded import Database

CLIPS: Final = Partition("camera.clips.v1", 5)
OTHER: Final = Partition("camera.clips.v1", 6)


def start(offset: int, partition: Partition = CLIPS, step: str = "describe") -> Start:
    return Start(Place(step, partition, offset, "an-id"), uuid4(), alone=True, cause="blocked")


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a database; None for the twin."""
    if request.param == "memory":
        return None
    database: Database = request.getfixturevalue("database")
    return database.url


@pytest.fixture
async def store(url: str | None) -> AsyncIterator[StartsStore]:
    if url is None:
        yield MemoryStarts()
        return
    postgres = PostgresStarts(url)
    yield postgres
    await postgres.close()


async def test_what_is_kept_comes_back_as_it_was(store: StartsStore) -> None:
    starts = [start(7), start(7), start(1 << 40)]

    await store.add(starts)

    assert set(await store.all(["describe"])) == set(starts)


async def test_what_is_told_twice_is_one(store: StartsStore) -> None:
    one = start(7)

    await store.add([one])
    await store.add([one])

    assert list(await store.all(["describe"])) == [one]


async def test_each_step_has_its_own(store: StartsStore) -> None:
    await store.add([start(7), start(7, step="project")])

    assert [found.place.step for found in await store.all(["project", "enrich"])] == ["project"]


async def test_what_is_finished_goes_and_the_rest_stays(store: StartsStore) -> None:
    later, elsewhere = start(8), start(7, OTHER)
    await store.add([start(7), later, elsewhere, start(7, step="project")])

    await store.clear("describe", {CLIPS: 8})

    assert set(await store.all(["describe"])) == {later, elsewhere}
    assert len(await store.all(["project"])) == 1


async def test_a_database_that_is_away_is_said_to_be(database: Database) -> None:
    away = PostgresStarts(database.url.replace(database.name, "nobody_made_this"))

    with pytest.raises(StoreAway, match="nobody_made_this"):
        await away.all(["describe"])
