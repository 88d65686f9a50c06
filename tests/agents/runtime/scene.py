"""Small real objects that runtime tests share: a log in memory, events, a meter that remembers."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agents.runtime.effect import EffectRuntime
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from schemas.camera_events import CameraEvent, MotionDetected
from schemas.clips import CameraEventEnriched
from streams.lanes import Encoded
from streams.publishing import record
from streams.topics import CAMERA_EVENTS, DEAD_LETTERS, ENRICHED

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Tally:
    """A meter that remembers."""

    dead_by_reason: Counter[str] = field(default_factory=Counter)
    published_to: Counter[str] = field(default_factory=Counter)
    received_by: Counter[str] = field(default_factory=Counter)
    repeated_by: Counter[str] = field(default_factory=Counter)

    def received(self, step: str, records: int) -> None:
        self.received_by[step] += records

    def published(self, step: str, topic: str, records: int) -> None:
        del step
        self.published_to[topic] += records

    def dead(self, step: str, reason: str) -> None:
        del step
        self.dead_by_reason[reason] += 1

    def repeated(self, step: str, records: int) -> None:
        self.repeated_by[step] += records

    def took(self, step: str, seconds: float) -> None: ...

    def lag(self, step: str, topic: str, partition: int, records: int) -> None: ...


class FastClock:
    """Real order, no waiting: a sleep only lets others run; what was asked for is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def motion(name: str, camera: str = "gate") -> MotionDetected:
    return MotionDetected(event_id=name, source="test", camera_id=camera, timestamp=NOON)


def published(log: MemoryLog, *events: CameraEvent) -> None:
    for event in events:
        log.append(record(event))


def raw(value: bytes | None, camera: str = "gate") -> Encoded:
    return Encoded(CAMERA_EVENTS.name, camera.encode(), value, ())


def enriched(log: MemoryLog) -> list[str]:
    """Names of the events that came through, in the log's order."""
    events = [ENRICHED.codec.decode(r.value) for r in log.of(ENRICHED.name)]
    return [name_of(event) for event in events]


def name_of(event: CameraEventEnriched) -> str:
    return event.event.event_id


def reasons(log: MemoryLog) -> list[str | None]:
    return [letter.header("vidette_reason") for letter in log.of(DEAD_LETTERS.name)]


async def run(runtime: PureRuntime | EffectRuntime, lane: MemoryLane, *, batches: int = 1) -> None:
    """Feeds so many batches and waits until everything is in the log."""
    async with asyncio.timeout(10):
        for _ in range(batches):
            await runtime.handle(await lane.take())
        await runtime.drain()
