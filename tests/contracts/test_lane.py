"""What every lane promises a step, whichever log is behind it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import pytest
from confluent_kafka import Producer

from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.kafka.publisher import KafkaPublisher
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from streams.lanes import Batch, Encoded, Lane, Progress, Work
from streams.records import Partition, Record
from streams.topics import CAMERA_EVENTS, ENRICHED

IN, OUT = CAMERA_EVENTS.name, ENRICHED.name


class Bench(Protocol):
    """A log, and a way to open and abandon lanes on it."""

    async def append(self, records: list[Encoded]) -> None: ...
    async def lane(self, topic: str = IN, group: str = "step") -> Lane: ...
    async def leave_open(self, outputs: list[Encoded]) -> None: ...
    async def close(self) -> None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.log = MemoryLog()
        self.lanes: Counter[str] = Counter()

    async def append(self, records: list[Encoded]) -> None:
        for record in records:
            self.log.append(record)

    async def lane(self, topic: str = IN, group: str = "step") -> Lane:
        name = f"{group}-{self.lanes[group]}"
        self.lanes[group] += 1
        lane = MemoryLane(self.log, group, (topic,), transactional_id=name)
        await lane.open()
        return lane

    async def leave_open(self, outputs: list[Encoded]) -> None:
        self.log.produce(self.log.initialise("step-0"), outputs)

    async def close(self) -> None: ...


@dataclass
class KafkaBench:
    cluster: Cluster

    def __post_init__(self) -> None:
        self.publisher = KafkaPublisher(self.cluster)
        self.lanes: list[KafkaLane] = []
        self.slots: Counter[str] = Counter()
        self.killed: list[Producer] = []

    async def append(self, records: list[Encoded]) -> None:
        await self.publisher.append(records)

    async def lane(self, topic: str = IN, group: str = "step") -> Lane:
        slot = Slot(group, self.slots[group])
        self.slots[group] += 1
        lane = KafkaLane(
            self.cluster, Subscription(group, (topic,), 100), slot, lambda _p, _n: None
        )
        self.lanes.append(lane)
        await lane.open()
        return lane

    async def leave_open(self, outputs: list[Encoded]) -> None:
        self.killed.append(await asyncio.to_thread(left_open, self.cluster, outputs))

    async def close(self) -> None:
        for lane in self.lanes:
            await lane.close()
        await self.publisher.close()


def left_open(cluster: Cluster, outputs: list[Encoded]) -> Producer:
    """What a process leaves behind that is killed in the middle of a transaction of step-0."""
    name = cluster.named("step-0")
    settings = {"transactional.id": name, "partitioner": "murmur2_random"}
    killed = Producer({**cluster.confluent(), **settings})
    killed.init_transactions(30)
    killed.begin_transaction()
    for output in outputs:
        killed.produce(cluster.named(output.topic), output.value, output.key)
    killed.flush(30)
    return killed


@pytest.fixture(params=["memory", "kafka"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    made: Bench
    made = (
        MemoryBench()
        if request.param == "memory"
        else KafkaBench(request.getfixturevalue("cluster"))
    )
    yield made
    await made.close()


def record(key: str, value: str) -> Encoded:
    return Encoded(IN, key.encode(), value.encode(), [("h", b"1")])


def outputs_of(batch: Batch) -> dict[Partition, list[Encoded]]:
    made: dict[Partition, list[Encoded]] = {}
    for one in batch.records:
        made.setdefault(one.partition, []).append(Encoded(OUT, one.key, one.value, ()))
    return made


def work_of(batch: Batch) -> Work:
    progress = {r.partition: Progress(r.offset + 1) for r in batch.records}
    return Work(batch.leases, progress, outputs_of(batch))


async def until(
    lane: Lane, enough: Callable[[list[Record]], bool]
) -> tuple[list[Record], list[Batch]]:
    records: list[Record] = []
    batches: list[Batch] = []
    async with asyncio.timeout(30):
        while not enough(records):
            batches.append(await lane.take())
            records += batches[-1].records
    return records, batches


async def drained(lane: Lane, count: int) -> list[Record]:
    records, _ = await until(lane, lambda got: len(got) >= count)
    return records


async def finished(lane: Lane, count: int) -> None:
    """Takes and commits until `count` records are through."""
    done = 0
    async with asyncio.timeout(30):
        while done < count:
            batch = await lane.take()
            if batch.records:
                await lane.commit(work_of(batch))
                done += len(batch.records)


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
