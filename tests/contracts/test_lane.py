"""What every lane promises a step, whichever log is behind it."""

import asyncio
from dataclasses import replace

from streams.lanes import Encoded, Progress, Work
from streams.records import Partition, Record
from tests.contracts.lanes import OUT, Bench, drained, finished, record, until, work_of


async def test_records_of_one_key_come_in_order_with_key_value_and_headers(bench: Bench) -> None:
    await bench.append([record("gate", str(number)) for number in range(20)])

    got = await drained(await bench.lane(), 20)

    assert [(r.key, r.value, list(r.headers)) for r in got] == [
        (b"gate", str(n).encode(), [("h", b"1")]) for n in range(20)
    ]


async def test_committed_outputs_can_be_read_by_the_next_step(bench: Bench) -> None:
    await bench.append([record("gate", "a"), record("yard", "b")])
    await finished(await bench.lane(), 2)

    got = await drained(await bench.lane(OUT, "next"), 2)

    assert sorted(r.value or b"" for r in got) == [b"a", b"b"]


async def test_a_successor_begins_after_what_is_committed(bench: Bench) -> None:
    await bench.append([record("gate", "old")])
    first = await bench.lane()
    await finished(first, 1)
    await first.close()
    await bench.append([record("gate", "new")])

    got = await drained(await bench.lane(), 1)

    assert [r.value for r in got] == [b"new"]


async def test_what_is_not_committed_comes_again(bench: Bench) -> None:
    await bench.append([record("gate", "a")])
    first = await bench.lane()
    await drained(first, 1)
    await first.close()

    got = await drained(await bench.lane(), 1)

    assert [r.value for r in got] == [b"a"]


async def test_progress_comes_back_with_its_metadata(bench: Bench) -> None:
    await bench.append([record("gate", str(number)) for number in range(3)])
    first = await bench.lane()
    records, batches = await until(first, lambda got: len(got) >= 3)
    where = records[0].partition
    await first.commit(Work(batches[-1].leases, {where: Progress(1, "beyond")}, {}))
    await first.close()

    _, batches = await until(await bench.lane(), lambda got: len(got) >= 2)

    assert [b.starts[where] for b in batches if where in b.starts] == [Progress(1, "beyond")]


async def test_work_under_an_ended_lease_is_void(bench: Bench) -> None:
    await bench.append([record("gate", "a")])
    lane = await bench.lane()
    records, batches = await until(lane, lambda got: len(got) >= 1)
    stale = {p: lease - 1 for p, lease in batches[-1].leases.items()}
    work = replace(work_of(batches[-1]), leases=stale)

    committed = await lane.commit(work)

    assert (records[0].value, committed) == (b"a", frozenset())


async def test_void_work_leaves_nothing_in_the_log(bench: Bench) -> None:
    await bench.append([record("gate", "a")])
    lane = await bench.lane()
    _, batches = await until(lane, lambda got: len(got) >= 1)
    good = work_of(batches[-1])
    forged = {p: [Encoded(OUT, b"gate", b"void", ())] for p in good.progress}
    await lane.commit(Work(dict.fromkeys(good.progress, -7), good.progress, forged))
    await lane.commit(good)

    got = await drained(await bench.lane(OUT, "next"), 1)

    assert [r.value for r in got] == [b"a"]


async def test_the_end_of_a_partition_counts_transaction_markers(bench: Bench) -> None:
    await bench.append([record("gate", "a")])
    await finished(await bench.lane(), 1)
    lane = await bench.lane(OUT, "next")
    ends: dict[Partition, int] = {}
    records: list[Record] = []

    async with asyncio.timeout(30):
        while not records or records[0].partition not in ends:
            batch = await lane.take()
            records += batch.records
            ends.update({p: end for p, end in batch.ends.items() if end > 1})

    assert ends[records[0].partition] == records[0].offset + 2


async def test_a_held_partition_gives_nothing_until_it_is_let_go(bench: Bench) -> None:
    await bench.append([record("gate", "first")])
    lane = await bench.lane()
    held = (await drained(lane, 1))[0].partition
    lane.hold(frozenset({held}))
    await bench.append([record(f"camera-{n}", "polled after the hold") for n in range(40)])
    await until(lane, lambda got: sum(r.partition != held for r in got) >= 20)
    await bench.append([record("gate", "late"), *(record(f"camera-{n}", "") for n in range(40))])
    while_held, _ = await until(lane, lambda got: sum(r.partition != held for r in got) >= 20)
    lane.hold(frozenset())

    after, _ = await until(lane, lambda got: any(r.value == b"late" for r in got))

    came = [any(r.partition == held for r in records) for records in (while_held, after)]
    assert came == [False, True]


async def test_a_topic_is_known_by_the_id_it_was_made_with(bench: Bench) -> None:
    ids = await (await bench.lane()).topic_ids()

    assert [bool(ids[topic]) for topic in ids] == [True]
