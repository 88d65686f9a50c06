"""What a Kafka has about one event: read from the time in its id on, for a bounded while."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from connectors.kafka.offsets import since
from schemas.camera_events import CameraConnectionChanged, Sighting
from schemas.outcomes import Outcome
from streams import identity
from streams.projection.ports import Log
from streams.queries import Unavailable
from streams.records import Partition, Record
from streams.telling.traces import DERIVED, READ, Traces, decoded, subject
from streams.topics import AI_EVENTS, CAMERA_EVENTS

BEFORE: Final = timedelta(hours=1)
"""A camera's clock may be ahead of the broker's by so much."""

SOON: Final = timedelta(hours=1)
"""Until then all partitions are read; after that the camera's own are known, mostly."""

TIMEOUT_S: Final = 300.0


@dataclass(frozen=True)
class Tracing:
    """Reads committed records, in no group. Every method raises KafkaException and Unavailable."""

    cluster: Cluster

    async def traces(self, id_: UUID, within: timedelta) -> Traces:
        """Of everything that was written from an hour before the time in `id_` until `within`."""
        found, happened = Traces(id_), identity.moment(id_)
        soon = min(SOON, within)
        async for records in self._between(READ, happened - BEFORE, happened + soon):
            found.add(records)
        homes = {one.place.number for one in found.found if one.place.topic in DERIVED}
        async for records in self._between(READ, happened + soon, happened + within, homes):
            found.add(records)
        return found

    async def ids(self, camera: str, native: str, after: datetime) -> set[UUID]:
        """Ours, of the camera event that upstream calls so; `camera` in upstream's words or ours.

        Looked for in what was written after that time.
        """
        name = msgspec.json.encode(native)[1:-1]
        found: set[UUID] = set()
        async for records in self._between({CAMERA_EVENTS.name, AI_EVENTS.name}, after, None):
            for record in records:
                topic, value = record.partition.topic, record.value
                if value is None or (topic == AI_EVENTS.name and name not in value):
                    continue
                word = decoded(topic, value)
                event = word.event if isinstance(word, Outcome) else word
                if (
                    word is not None
                    and isinstance(event, Sighting | CameraConnectionChanged)
                    and event.event_id == native
                    and camera in {event.camera_id, _camera_id(event)}
                ):
                    found.add(subject(word))
        return found

    async def _between(
        self,
        topics: Collection[str],
        first: datetime,
        last: datetime | None,
        homes: Collection[int] = (),
    ) -> AsyncIterator[list[Record]]:
        """Records written from `first` until before `last`; our own ones in `homes`, if any."""
        history = History(self.cluster, topics)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                logs = {
                    place: log
                    for place, log in (await history.logs()).items()
                    if not homes or place.topic not in DERIVED or place.number in homes
                }
                begin = await asyncio.to_thread(since, self.cluster, logs, first)
                end = await asyncio.to_thread(since, self.cluster, logs, last) if last else {}
                async for records in history.read(spans(logs, begin, end)):
                    yield records
        except TimeoutError as error:
            text = f"the log could not be read within {TIMEOUT_S:g} s: look at fewer days"
            raise Unavailable("kafka", text) from error


def spans(
    logs: Mapping[Partition, Log],
    begin: Mapping[Partition, int | None],
    end: Mapping[Partition, int | None],
) -> dict[Partition, tuple[int, int]]:
    """From the first record at or after a time to that of another, or to where the log ends."""
    found = {}
    for place, log in logs.items():
        last = log.end or 0
        first, until = begin[place], end.get(place)
        found[place] = (
            last if first is None else max(first, log.first),
            last if until is None else min(until, last),
        )
    return found


def _camera_id(event: Sighting | CameraConnectionChanged) -> str:
    return str(identity.camera_id(event.source, event.camera_id))
