"""What every lane promises among others: shared partitions, and transactions that nobody ended."""

import asyncio

from streams.lanes import Encoded, Lane
from streams.records import Partition
from tests.contracts.lanes import OUT, Bench, drained, record, until


async def shared(lanes: list[Lane], partitions: int) -> list[frozenset[Partition]]:
    """What each lane owns, once they own so many together and none twice."""
    owned: list[frozenset[Partition]] = [frozenset() for _ in lanes]

    async def follow(number: int) -> None:
        while True:
            owned[number] = frozenset((await lanes[number].take()).leases)
            done.set()

    done = asyncio.Event()
    followers = [asyncio.create_task(follow(number)) for number in range(len(lanes))]
    async with asyncio.timeout(60):
        while not all(owned) or sorted(map(len, owned)) != spread(partitions, len(lanes)):
            await done.wait()
            done.clear()
    for follower in followers:
        follower.cancel()
    return owned


def spread(partitions: int, lanes: int) -> list[int]:
    return sorted((partitions + number) // lanes for number in range(lanes))


async def partitions_of(lane: Lane) -> int:
    async with asyncio.timeout(30):
        while not (leases := (await lane.take()).leases):
            pass
    return len(leases)


async def test_two_lanes_of_one_group_share_the_partitions(bench: Bench) -> None:
    first = await bench.lane()
    partitions = await partitions_of(first)

    one, other = await shared([first, await bench.lane()], partitions)

    assert not one & other


async def test_what_a_lane_that_left_had_taken_comes_to_the_others(bench: Bench) -> None:
    first = await bench.lane()
    partitions = await partitions_of(first)
    second = await bench.lane()
    await shared([first, second], partitions)
    await first.close()
    await bench.append([record(f"camera-{number}", str(number)) for number in range(20)])

    got = await drained(second, 20)

    assert len({r.value for r in got}) == 20


async def test_an_open_transaction_holds_readers_up_until_its_ids_next_producer(
    bench: Bench,
) -> None:
    void, good = Encoded(OUT, b"gate", b"void", ()), Encoded(OUT, b"gate", b"good", ())
    await bench.leave_open([void])
    await bench.append([good])
    reader = await bench.lane(OUT, "next")
    elsewhere = [Encoded(OUT, f"camera-{n}".encode(), b"elsewhere", ()) for n in range(80)]
    await bench.append(elsewhere)
    before, _ = await until(reader, lambda got: len(got) >= 20)
    await bench.lane()

    after, _ = await until(reader, lambda got: any(r.value == b"good" for r in got))

    came = [{r.value for r in records} & {b"void", b"good"} for records in (before, after)]
    assert came == [set(), {b"good"}]
