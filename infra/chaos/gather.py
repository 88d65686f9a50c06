"""Gathers the evidence when everything is quiet: the log by a client that isn't ours, rows by SQL.

Neither goes through the proxy.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from connectors.kafka.clients import Cluster
from connectors.media.folder import FolderStore
from connectors.postgres.connection import connect
from infra.chaos.evidence import Evidence, Letter, Logged, Row, Sent, Topics
from infra.chaos.words import digest_of
from infra.demo.accounting import carriers
from schemas import headers as names
from schemas.codec import Undecodable
from schemas.outcomes import AiEvent, Described, Skipped
from streams import identity
from streams.projection.project import PROJECTED
from streams.records import Partition
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

POLL_MS: Final = 200
NOBODY: Final = UUID(int=0)
"""Stands for an input that a record does not name; nobody ever sent it."""

ROWS: Final = """\
select event_id, event_metadata, date_trunc('hour', "timestamp", 'UTC')::text,
  camera_id::text, model_id, outcome
from ai_events"""
ROLL_UPS: Final = "select hour::text, camera_id::text, model_id, outcome, n from events_per_hour"
LEDGER: Final = "select topic, part, next from projection_offsets"


class Taken(NamedTuple):
    """One committed record as aiokafka gave it."""

    partition: Partition
    offset: int
    key: bytes
    value: bytes | None
    headers: Mapping[str, bytes]


Log = Mapping[str, Sequence[Taken]]
"""By the catalogue's topic, partition by partition."""


@dataclass(frozen=True)
class Known:
    """What only the run itself knows."""

    sent: Mapping[UUID, Sent]
    calls: Path
    calls_lost_max: int


async def gather(cluster: Cluster, database_url: str, media: Path, known: Known) -> Evidence:
    """Everything, read anew. Raises what aiokafka and asyncpg raise."""
    log = await _log(cluster)
    topics = _topics(log)
    rows, roll_ups, ledger = await _read_model(database_url)
    frames = {frame for one in topics.outcomes for frame in one.frames}
    words = [AI_EVENTS.codec.decode(taken.value) for taken in log[AI_EVENTS.name]]
    return Evidence(
        sent=known.sent,
        topics=topics,
        rows=rows,
        letters=_letters(log[DEAD_LETTERS.name], known.sent),
        roll_ups=roll_ups,
        calls=calls(known.calls),
        described=Counter(word.event_id for word in words if isinstance(word, Described)),
        calls_lost_max=known.calls_lost_max,
        frames_kept=await _kept(FolderStore(media), frames),
        last=_last(log),
        ledger=ledger,
    )


def calls(file: Path) -> Counter[UUID]:
    """How often the provider was asked about each event."""
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter(UUID(line.partition(" ")[0]) for line in lines)


async def _log(cluster: Cluster) -> Log:
    topics = (CAMERA_EVENTS, INFERENCE_RESULTS, ENRICHED, CLIPS, *PROJECTED, DEAD_LETTERS)
    consumer = AIOKafkaConsumer(
        *[cluster.named(topic.name) for topic in topics],
        **cluster.aiokafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found: dict[str, list[Taken]] = defaultdict(list)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        await consumer.seek_to_beginning()
        for place, end in ends.items():
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for taken in (_taken(cluster, record) for record in records):
                        found[taken.partition.topic].append(taken)
    finally:
        await consumer.stop()
    for records_of in found.values():
        records_of.sort(key=lambda taken: (taken.partition, taken.offset))
    return found


def _taken(cluster: Cluster, record: "ConsumerRecord[bytes, bytes]") -> Taken:
    partition = Partition(cluster.catalogued(record.topic), record.partition)
    headers = dict(reversed(record.headers))  # of several, the first
    return Taken(partition, record.offset, record.key or b"", record.value, headers)


def _topics(log: Log) -> Topics:
    def of(topic: Topic[W], read: Callable[[W, bytes], Logged]) -> list[Logged]:
        return [_logged(topic, taken, read) for taken in log[topic.name]]

    return Topics(
        camera_events=of(
            CAMERA_EVENTS, lambda e, k: Logged(identity.event_id(e), k, digest_of(e.metadata))
        ),
        inference_results=of(
            INFERENCE_RESULTS,
            lambda e, k: Logged(identity.inference_id(e), k, digest_of(e.metadata)),
        ),
        enriched=of(ENRICHED, lambda e, k: Logged(e.id, k, digest_of(e.event.metadata))),
        clips=of(
            CLIPS, lambda e, k: Logged(e.enriched.id, k, digest_of(e.enriched.event.metadata))
        ),
        outcomes=of(AI_EVENTS, _outcome),
        inferences=of(
            AI_INFERENCES, lambda e, k: Logged(e.event_id, k, digest_of(e.result.metadata))
        ),
        attempts=of(AI_ATTEMPTS, lambda e, k: Logged(e.event_id, k)),
    )


def _logged(topic: Topic[W], taken: Taken, read: Callable[[W, bytes], Logged]) -> Logged:
    """What cannot be decoded goes back to the input that its header names."""
    try:
        return read(topic.codec.decode(taken.value), taken.key)
    except Undecodable:
        return Logged(_header_id(taken, names.CE_ID), taken.key)


def _outcome(word: AiEvent, key: bytes) -> Logged:
    frames = () if isinstance(word, Skipped) else tuple(frame.sha256 for frame in word.frames)
    return Logged(word.event_id, key, digest_of(word.event.metadata), frames)


def _letters(taken: Sequence[Taken], sent: Mapping[UUID, Sent]) -> list[Letter]:
    carried = {carrier: id_ for id_ in sent for carrier in carriers(id_)}
    return [
        Letter(
            _header_id(one, names.LETTER_ID),
            one.headers.get(names.STEP, b"").decode(),
            carried.get(_header_id(one, names.CE_ID), NOBODY),
        )
        for one in taken
    ]


def _header_id(taken: Taken, name: str) -> UUID:
    try:
        return UUID(taken.headers.get(name, b"").decode())
    except ValueError:
        return NOBODY


def _last(log: Log) -> dict[Partition, int]:
    """Records are in order, so the last one of each partition stays."""
    return {
        taken.partition: taken.offset for topic in PROJECTED for taken in log.get(topic.name, ())
    }


async def _kept(store: FolderStore, frames: set[str]) -> frozenset[str]:
    return frozenset([frame for frame in frames if await store.get(frame) is not None])


async def _read_model(
    url: str,
) -> tuple[list[Row], dict[tuple[str, ...], int], dict[Partition, int]]:
    connection = await connect(url, name="vidette-chaos")
    try:
        rows = [
            Row(id_, _digest(metadata), tuple(group))
            for id_, metadata, *group in await connection.fetch(ROWS)
        ]
        roll_ups = {tuple(group): n for *group, n in await connection.fetch(ROLL_UPS)}
        ledger = {Partition(t, part): n for t, part, n in await connection.fetch(LEDGER)}
    finally:
        await connection.close()
    return rows, roll_ups, ledger


def _digest(document: bytes) -> str:
    """Of the event's own metadata inside the row's: an outcome holds the event, a result is one."""
    found = msgspec.json.decode(document)
    return digest_of(found.get("event", found).get("metadata"))
