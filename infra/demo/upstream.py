"""The upstream systems of the simulated site: they publish to Kafka as anybody would."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from connectors.kafka.publisher import KafkaPublisher
from infra.demo.accounting import Ledger, Sent
from infra.demo.site import Site
from schemas.camera_events import CameraEvent
from schemas.inferences import InferenceResult
from streams.publishing import address, record
from streams.queries import Acknowledged

INFERENCES_PER_S = 200.0
INFERENCES_PER_EVENT = 10
EVENTS_PER_S = 2.0
"""While the demo runs for its viewer; a given number goes faster."""

REPEATED_LATER = 4
"""A repeat comes after so many other events: by then the first one may be anywhere in the chain."""

TICK_S = 0.02
"""Nobody is woken more often than this."""

BURST = 100
"""After so many at once others may have their turn."""


@dataclass(frozen=True)
class Pace:
    """How many camera events (None: until told to stop) and how many a second."""

    events: int | None
    events_per_s: float

    @classmethod
    def of(cls, events: int | None) -> "Pace":
        """A given number goes faster, so that nobody waits."""
        if events is None:
            return cls(None, EVENTS_PER_S)
        return cls(events, INFERENCES_PER_S / INFERENCES_PER_EVENT)

    @property
    def inferences(self) -> int | None:
        """How many inference results."""
        return None if self.events is None else self.events * INFERENCES_PER_EVENT


@dataclass
class Upstream:
    """Publishes what the site says, and enters each input in the ledger before it does."""

    site: Site
    publisher: KafkaPublisher
    ledger: Ledger
    seen: Callable[[CameraEvent | InferenceResult, Sent], None] = lambda *_: None
    _under_way: set[asyncio.Future[Acknowledged]] = field(default_factory=set)
    _failure: BaseException | None = None

    async def register(self) -> None:
        """Tells the registry of the cameras. Raises Unavailable."""
        words = self.site.registry(datetime.now(UTC))
        await asyncio.gather(*[self.publisher.begin(record(word)) for word in words])

    async def publish(self, pace: Pace, stop: asyncio.Event) -> None:
        """Everything, until `pace` is done or `stop` is set; acknowledged. Raises Unavailable."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._camera_events(pace, stop))
                group.create_task(self._inferences(pace, stop))
        except ExceptionGroup as several:
            raise several.exceptions[0] from several  # both say the same: Kafka is away
        await asyncio.gather(*self._under_way)
        self._check()

    async def _camera_events(self, pace: Pace, stop: asyncio.Event) -> None:
        later: deque[CameraEvent] = deque()
        async for number in _ticks(pace.events, pace.events_per_s, stop):
            now = datetime.now(UTC)
            happening = self.site.happening(number, now)
            event, where = happening.event, address(happening.event)
            sent = Sent(where.camera_id, event.timestamp, now, happening.times)
            self.ledger.camera_event(where.id, sent)
            self._publish(event)
            self.seen(event, sent)
            later.extend([event] * (happening.times - 1))
            if number % REPEATED_LATER == 0 and later:
                self._publish(later.popleft())
        for event in later:
            self._publish(event)

    async def _inferences(self, pace: Pace, stop: asyncio.Event) -> None:
        async for number in _ticks(pace.inferences, INFERENCES_PER_S, stop):
            now = datetime.now(UTC)
            result, times = self.site.inference(number, now)
            where = address(result)
            sent = Sent(where.camera_id, now, now, times)
            self.ledger.inference(where.id, sent)
            for _ in range(times):
                self._publish(result)
            self.seen(result, sent)

    def _publish(self, event: CameraEvent | InferenceResult) -> None:
        self._check()
        under_way = self.publisher.begin(record(event))
        self._under_way.add(under_way)
        under_way.add_done_callback(self._done)

    def _done(self, done: "asyncio.Future[Acknowledged]") -> None:
        self._under_way.discard(done)
        if not done.cancelled() and (error := done.exception()):
            self._failure = self._failure or error

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


async def _ticks(limit: int | None, per_s: float, stop: asyncio.Event) -> AsyncIterator[int]:
    """Numbers from 0 at a steady rate; what a pause of the machine delayed comes at once."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in count() if limit is None else range(limit):
        wait = began + number / per_s - loop.time()
        if wait > 0:
            await asyncio.sleep(max(wait, TICK_S))
        elif number % BURST == 0:
            await asyncio.sleep(0)
        if stop.is_set():
            return
        yield number
