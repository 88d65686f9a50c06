"""Words of neighbouring releases in one chain: what a step does with what it does not know."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec import Struct, json, structs

from agents.enrich import Enrich
from agents.record_inference import RecordInference
from agents.runtime.projection import ProjectionRuntime
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from connectors.memory.read_model import MemoryReadModel
from connectors.memory.reader import MemoryLedgerReader, MemoryLetters
from schemas.examples.upstream import MODEL_RESULT
from schemas.inferences import InferenceResult
from schemas.outcomes import InferenceRecorded
from streams import identity
from streams.dead_letters import fold
from streams.lanes import Encoded
from streams.poison.redriving import redrive
from streams.publishing import record
from streams.records import Outputs, Partition, Received
from streams.registry import Registry
from streams.steps import Projection, Pure
from streams.topics import (
    AI_INFERENCES,
    CAMERA_EVENTS,
    DEAD_LETTERS,
    ENRICHED,
    INFERENCE_RESULTS,
    Topic,
)
from tests.agents.runtime.scene import FastClock, Tally, motion, run
from tests.system.versions import (
    LATER_RECORDED,
    NEXT_ENRICHED,
    NEXT_RECORDED,
    SITE,
    coded,
    counted,
    writing,
)

Agent = Callable[[Received[InferenceResult]], Outputs]

RESULTS = [structs.replace(MODEL_RESULT, result_id=f"r{number}") for number in range(3)]
IDS = {identity.inference_id(result) for result in RESULTS}
RECORDS: dict[str, tuple[Topic[InferenceRecorded], Agent]] = {
    "today": (AI_INFERENCES, RecordInference(Registry())),
    "next": (NEXT_RECORDED, writing(NEXT_RECORDED, RecordInference(Registry()), coded)),
    "later": (LATER_RECORDED, writing(LATER_RECORDED, RecordInference(Registry()), counted)),
}


async def recorded(version: str) -> MemoryLog:
    """A log in which that release has recorded some results."""
    log = MemoryLog()
    for result in RESULTS:
        log.append(record(result))
    topic, agent = RECORDS[version]
    lane = MemoryLane(log, "record_inference", (INFERENCE_RESULTS.name,))
    step = Pure(name="record_inference", reads=INFERENCE_RESULTS, runs=agent, writes=(topic,))
    await run(PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock()), lane)
    return log


async def projected(
    log: MemoryLog, reads: Topic[InferenceRecorded], model: MemoryReadModel | None = None
) -> MemoryReadModel:
    """What a release's projection makes of the log; `model` when another has worked before it."""
    model = model or MemoryReadModel()
    topics: Sequence[Topic[Struct]] = (reads,)
    reader = MemoryLedgerReader(log, "project", (reads.name,))
    step = Projection(name="project", reads=tuple(topics), into=model)
    runtime = ProjectionRuntime(
        step, reader, MemoryLetters(log), MemoryMedia(), Tally(), FastClock()
    )
    left = sum(r.offset >= ledger_of(model, r.partition) for r in log.of(reads.name))
    async with asyncio.timeout(10):
        while left:
            batch = await reader.take()
            left -= len(batch.records)
            await runtime.handle(batch)
        await runtime.drain()
    await reader.close()
    return model


def ledger_of(model: MemoryReadModel, partition: Partition) -> int:
    """Where the ledger says that reading goes on."""
    known = model.store.ledger.get(partition)
    return known.next if known else 0


@pytest.mark.parametrize("reader", [AI_INFERENCES, NEXT_RECORDED], ids=["today", "next"])
@pytest.mark.parametrize("writer", ["today", "next"])
async def test_neighbours_read_what_the_other_writes(
    writer: str, reader: Topic[InferenceRecorded]
) -> None:
    log = await recorded(writer)

    model = await projected(log, reader)

    assert (set(model.store.events), log.of(DEAD_LETTERS.name)) == (IDS, [])


async def test_an_upcast_reads_what_the_releases_before_wrote() -> None:
    log = await recorded("today")

    model = await projected(log, LATER_RECORDED)

    assert (set(model.store.events), log.of(DEAD_LETTERS.name)) == (IDS, [])


async def test_a_tag_from_later_is_a_letter_and_after_the_upgrade_a_row() -> None:
    log = await recorded("later")
    model = await projected(log, AI_INFERENCES)
    assert (model.store.events, {one.reason for one in fold(log.of(DEAD_LETTERS.name))}) == (
        {},
        {"unknown_type"},
    )

    redriven(log)
    await projected(log, LATER_RECORDED, model)

    assert model.store.events.keys() == IDS
    assert all(letter.redriven for letter in fold(log.of(DEAD_LETTERS.name)))


def redriven(log: MemoryLog) -> None:
    """Every letter, as the command does it."""
    records = {(r.partition, r.offset): r for r in log.of(DEAD_LETTERS.name)}
    for letter in fold(records.values()):
        found = records[letter.place, letter.offset]
        for one in redrive(letter, found, found.value):
            log.append(one)


async def test_a_field_from_later_is_passed_over_by_a_step_that_does_not_know_it() -> None:
    log = MemoryLog()
    log.append(record(motion("seen")))
    await enriching(log)

    (found,) = log.of(ENRICHED.name)

    assert json.decode(found.value or b"")["site_code"] == SITE
    assert ENRICHED.codec.decode(found.value).event == motion("seen")


async def enriching(log: MemoryLog) -> None:
    lane = MemoryLane(log, "enrich", (CAMERA_EVENTS.name,))
    agent = writing(NEXT_ENRICHED, Enrich(Registry()), coded)
    step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=agent, writes=(NEXT_ENRICHED,))
    await run(PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock()), lane)


async def test_an_upstream_may_send_more_than_we_know_and_less_than_there_is() -> None:
    """More: a field that is not ours. Less: everything that has a default."""
    log = MemoryLog()
    more = record(motion("more"))
    value = (more.value or b"")[:-1] + b',"heat":{"celsius":31}}'
    log.append(Encoded(more.topic, more.key, value, more.headers))
    names = ("type", "event_id", "source", "camera_id", "timestamp")
    less = {name: json.decode(value)[name] for name in names} | {"event_id": "less"}
    log.append(Encoded(more.topic, more.key, json.encode(less), ()))
    await enriching(log)

    events = [ENRICHED.codec.decode(found.value).event for found in log.of(ENRICHED.name)]

    assert events == [motion("more"), motion("less")]
