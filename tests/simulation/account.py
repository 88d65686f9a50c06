"""The whole account of a log and its read model: what came in, against what became of it.

By record in the pure steps (and in order per camera), by id in the effect steps, row by row in the
projection. Every line that comes out names what is missing or extra.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

import msgspec

from connectors.memory.log import MemoryLog
from connectors.memory.read_model import Store
from infra.topology import STEPS, reads
from schemas import headers as names
from schemas.camera_events import CameraEvent
from schemas.clips import (
    CameraEventEnriched,
    ClipNotWanted,
    ClipOutcome,
    ClipReady,
    ClipUnavailable,
)
from schemas.inferences import InferenceResult
from schemas.outcomes import AiEvent, InferenceRecorded
from streams import dead_letters, identity, wire
from streams.dead_letters import Rejected
from streams.lanes import Progress
from streams.projection.folding import fold
from streams.projection.project import PROJECTED
from streams.projection.rows import Rows
from streams.records import Partition, Record
from streams.topics import (
    AI_ATTEMPTS,
    AI_EVENTS,
    AI_INFERENCES,
    CAMERA_EVENTS,
    CLIPS,
    DEAD_LETTERS,
    ENRICHED,
    INFERENCE_RESULTS,
    Topic,
)

W = TypeVar("W", bound=msgspec.Struct)
Place = tuple[str, Partition, int]
"""A step, and the record that it wrote a letter about."""


def lag(log: MemoryLog) -> dict[str, int]:
    """How far each group is from the end of each partition, where it is not there."""
    behind: dict[str, int] = {}
    for step in STEPS:
        for topic in reads()[step]:
            for number in range(log.partitions):
                partition = Partition(topic, number)
                reached = log.progress.get((step, partition), Progress(0)).offset
                if reached != log.end(partition):
                    behind[f"{step} {topic}[{number}]"] = log.end(partition) - reached
    return behind


def wrongs(log: MemoryLog, store: Store) -> list[str]:
    """Everything that does not add up."""
    letters = letters_of(log)
    return [
        *(
            f"{count} letters of {step} about {partition} offset {offset}"
            for (step, partition, offset), count in letters.items()
            if count > 1 and step != "project"
        ),
        *pure(log, letters, "enrich", CAMERA_EVENTS, ENRICHED),
        *pure(log, letters, "record_inference", INFERENCE_RESULTS, AI_INFERENCES),
        *effect(log, letters, "fetch_clips", ENRICHED, CLIPS),
        *effect(log, letters, "describe", CLIPS, AI_EVENTS),
        *explained(log),
        *projected(log, store),
    ]


def letters_of(log: MemoryLog) -> Counter[Place]:
    """How often each step wrote a letter about a record."""
    found: Counter[Place] = Counter()
    for record in log.of(DEAD_LETTERS.name):
        for letter in dead_letters.fold([record]):
            found[letter.step, letter.source, letter.source_offset] += 1
    return found


def pure(
    log: MemoryLog,
    letters: Counter[Place],
    step: str,
    reads: Topic[CameraEvent] | Topic[InferenceResult],
    writes: Topic[CameraEventEnriched] | Topic[InferenceRecorded],
) -> list[str]:
    """One output per record, in the order of each camera; or one letter."""
    expected: dict[UUID, list[UUID]] = defaultdict(list)
    wrong: list[str] = []
    for record in log.of(reads.name):
        written = letters[step, record.partition, record.offset]
        event: CameraEvent | InferenceResult | None = decoded(reads, record)
        if event is None and not written:
            wrong.append(f"{step}: no letter about {record.partition} offset {record.offset}")
        if event is not None and not written:
            camera = identity.camera_id(event.source, event.camera_id)
            expected[camera].append(id_of(event))
        elif event is not None:
            wrong.append(f"{step}: a letter about a good record, {id_of(event)}")
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for record in written_by(log, writes):
        output = writes.codec.decode(record.value)
        found[output.camera_id].append(output.id)
    for camera in expected.keys() | found.keys():
        if expected[camera] != found[camera]:
            where = f"{step}, camera {camera}"
            apart = differs(where, expected[camera], found[camera])
            wrong += apart or [f"{where}: out of order"]
    return wrong


def effect(
    log: MemoryLog,
    letters: Counter[Place],
    step: str,
    reads: Topic[CameraEventEnriched] | Topic[ClipOutcome],
    writes: Topic[ClipOutcome] | Topic[AiEvent],
) -> list[str]:
    """One outcome or letter per input id; of copies, some may meet an outcome that is known."""
    taken: Counter[UUID] = Counter()
    ended: Counter[UUID] = Counter()
    for record in log.of(reads.name):
        cause = cause_of(reads.codec.decode(record.value))
        taken[cause] += 1
        ended[cause] += letters[step, record.partition, record.offset]
    for record in written_by(log, writes):
        ended[cause_of(writes.codec.decode(record.value))] += 1
    return [
        f"{step}: {taken[cause]} records of {cause} have {ended[cause]} outcomes and letters"
        for cause in taken.keys() | ended.keys()
        if not 1 <= ended[cause] <= taken[cause]
    ]


def written_by(log: MemoryLog, topic: Topic[W]) -> Iterator[Record]:
    """What steps wrote; a redriven record is an input of the step that reads the topic."""
    return (r for r in log.of(topic.name) if r.header(names.REDRIVEN) is None)


def explained(log: MemoryLog) -> list[str]:
    """Every attempt that an outcome names is in the log."""
    attempts = {AI_ATTEMPTS.codec.decode(r.value).id for r in log.of(AI_ATTEMPTS.name)}
    return [
        f"outcome {outcome.id} names an attempt that is not in the log"
        for outcome in map(outcome_of, log.of(AI_EVENTS.name))
        if not attempts.issuperset(getattr(outcome, "attempts", ()))
    ]


def projected(log: MemoryLog, store: Store) -> list[str]:
    """The read model is what a rebuild makes of the log."""
    rebuilt, wrong = Store(), []
    for topic in PROJECTED:
        for record in log.of(topic.name):
            rows = Rows()
            rows.add(fold(PROJECTED, record).rows)
            rebuilt.add(rows)
    for table in ("events", "attempts", "clips", "devices"):
        expected, found = getattr(rebuilt, table), getattr(store, table)
        wrong += differs(f"table {table}", list(expected), list(found))
        wrong += [
            f"{table}: row {k} differs"
            for k in expected
            if found.get(k, expected[k]) != expected[k]
        ]
    if rebuilt.events_per_hour != store.events_per_hour:
        wrong.append(f"roll-ups: {store.events_per_hour}, not {rebuilt.events_per_hour}")
    for partition, position in store.ledger.items():
        left = log.read(partition, position.next, 1)
        if left or position.next > log.end(partition):
            wrong.append(f"the ledger of {partition} is at {position.next}")
    return wrong


def differs(where: str, expected: list[UUID], found: list[UUID]) -> list[str]:
    """Both ways, by id."""
    wanted, there = Counter(expected), Counter(found)
    wrong = [f"{where}: {n} of {one} missing" for one, n in (wanted - there).items()]
    wrong += [f"{where}: {n} of {one} extra" for one, n in (there - wanted).items()]
    return wrong or (
        [f"{where}: out of order"] if expected != found and "table" not in where else []
    )


def decoded(topic: Topic[W], record: Record) -> W | None:
    """The event, if it can be one."""
    try:
        received = wire.received(topic, record)
    except Rejected:
        return None
    return received.event if received else None


def id_of(event: CameraEvent | InferenceResult) -> UUID:
    """What it is known by from here on."""
    if isinstance(event, InferenceResult):
        return identity.inference_id(event)
    return identity.event_id(event)


def cause_of(word: CameraEventEnriched | ClipOutcome | AiEvent) -> UUID:
    """The camera event that a derived word is about."""
    match word:
        case CameraEventEnriched():
            return word.id
        case ClipReady() | ClipUnavailable() | ClipNotWanted():
            return word.enriched.id
        case _:
            return word.event_id


def outcome_of(record: Record) -> AiEvent:
    """An outcome in the log."""
    return AI_EVENTS.codec.decode(record.value)
