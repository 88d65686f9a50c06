"""Pages of a walk, put together, are all rows: none twice, none left out, even as rows arrive."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.cursor import cursor, place
from streams.queries import EventRow, Place
from tests.connectors.http import rows
from tests.connectors.http.conftest import World, connected

OFFSETS = st.lists(st.integers(0, 5), max_size=25)
"""Of events in microseconds: many share their time, so the id must decide."""


def made(offsets: list[int], first: int = 0) -> list[EventRow]:
    return [
        rows.event(first + number, rows.EVENT.timestamp + timedelta(microseconds=offset))
        for number, offset in enumerate(offsets)
    ]


async def walk(
    client: httpx.AsyncClient, limit: int, arriving: list[EventRow], world: World
) -> list[str]:
    found: list[str] = []
    query = {"limit": str(limit)}
    while True:
        page = (await client.get("/api/v1/events", params=query)).json()
        assert len(page["items"]) <= limit
        found += [item["id"] for item in page["items"]]
        if arriving:
            world.reads.event_rows.append(arriving.pop())
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@given(OFFSETS, st.integers(1, 9))
async def test_pages_are_all_rows_in_order(offsets: list[int], limit: int) -> None:
    world = World()
    world.reads.event_rows = made(offsets)
    newest_first = sorted(((r.timestamp, r.id) for r in world.reads.event_rows), reverse=True)

    async with connected(world.app()) as client:
        found = await walk(client, limit, [], world)

    assert found == [str(id_) for _, id_ in newest_first]


@given(OFFSETS, OFFSETS, st.integers(1, 9))
async def test_rows_that_arrive_meanwhile_neither_repeat_nor_hide_others(
    offsets: list[int], later: list[int], limit: int
) -> None:
    world = World()
    world.reads.event_rows = made(offsets)
    there = {str(row.id) for row in world.reads.event_rows}

    async with connected(world.app()) as client:
        found = await walk(client, limit, made(later, first=100), world)

    assert len(found) == len(set(found))
    assert there <= set(found)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)
def test_a_cursor_leads_back_to_its_place(moment: datetime, id_: UUID) -> None:
    there = Place(moment, id_)

    assert place(cursor(there)) == there
