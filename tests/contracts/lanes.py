"""What the suites of the lane's contract share: a bench on Kafka or in memory, and its words."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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
