"""Steps at work: where each gets its batches from, who works on them, and how it ends.

Faust's agent hands the batches over (infra/worker.py). The end is in order: no more records, what
is under way goes into the log, then we leave the group.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from agents.runtime.effect import EffectRuntime
from agents.runtime.failure import Failure
from agents.runtime.guard import Guard
from agents.runtime.projection import ProjectionRuntime
from agents.runtime.pure import PureRuntime
from connectors.kafka.clients import Cluster
from connectors.kafka.lane import KafkaLane, Slot
from connectors.kafka.polling import Subscription
from connectors.kafka.publisher import KafkaPublisher
from connectors.kafka.reader import GroupReader
from connectors.metrics.prometheus import PrometheusMeter
from infra.settings import Settings
from infra.topology import Ports
from streams.lanes import Batch, Lane, LedgerReader, Letters
from streams.ports import Clock, MediaStore
from streams.records import Partition
from streams.steps import Projection, Pure, Step

log = structlog.get_logger(__name__)

PURE_BATCH_MAX = 5_000
EFFECT_BATCH_MAX = 256
PROJECTION_BATCH_MAX = 4_000

YOUNG_OBJECTS: Final = 200_000
"""New objects, less those that are gone, before the garbage collector looks at them.

More than the batches in hand ever are: looking through those took a tenth of the projection's time.
"""

Lag = Callable[[Partition, int], None]


class OpenedLane(Lane, Protocol):
    """A lane that joins its group when it is told to."""

    @property
    def silent_s(self) -> float:
        """For how long its threads have not turned."""
        ...

    async def open(self) -> None:
        """Ends what a killed predecessor left open, then joins the group."""
        ...


class PollingReader(LedgerReader, Protocol):
    """A ledger's reader that joins its group when it is told to."""

    @property
    def silent_s(self) -> float:
        """For how long its thread has not turned."""
        ...

    async def start_polling(self) -> None:
        """Joins the group."""
        ...


@dataclass(frozen=True)
class Doors:
    """How steps reach the log: Kafka's, unless a test or a fault injection brings others."""

    lane: Callable[[Cluster, Subscription, Slot, Lag], OpenedLane] = KafkaLane
    reader: Callable[[Cluster, Subscription, Lag], PollingReader] = GroupReader
    letters: Callable[[Cluster], Letters] = KafkaPublisher


class Runtime(Protocol):
    """What the three kinds of runtime share."""

    failure: Failure

    async def handle(self, batch: Batch) -> None:
        """Takes a batch in hand."""
        ...

    async def drain(self) -> None:
        """Waits for what is in hand."""
        ...

    async def stop(self) -> None:
        """Gives up what is in hand."""
        ...


@dataclass
class Running:
    """One step of this process: where its batches come from and who works on them."""

    step: Step
    reader: OpenedLane | PollingReader
    runtime: Runtime
    opens: Sequence[Callable[[], Awaitable[None]]]
    """What must have happened, in this order, before the first batch."""
    letters: Letters | None = None
    """What it writes outside of transactions."""
    draining: bool = False
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    took: float | None = None
    """When it took the last batch, in seconds of the monotonic clock."""

    async def start(self) -> None:
        """Joins the step's group, once what the step needs is there."""
        for opened in self.opens:
            await opened()

    @property
    def under_way(self) -> Mapping[str, int]:
        """What an effect step has in hand; the others have nothing between two batches."""
        return self.runtime.under_way if isinstance(self.runtime, EffectRuntime) else {}

    async def work(self, batch: Batch) -> None:
        """One batch; what comes after draining began is left to whoever comes next."""
        self.took = time.monotonic()
        async with self.busy:
            if not self.draining:
                await self.runtime.handle(batch)

    async def end(self, timeout_s: float) -> None:
        """What is in hand goes into the log, within the time; then we leave the group."""
        self.draining = True
        try:
            async with asyncio.timeout(timeout_s), self.busy:
                await self.runtime.drain()
        except TimeoutError:
            log.warning("step.unfinished", step=self.step.name, after_s=timeout_s)
        except Exception as error:  # noqa: BLE001  # the step has failed before; leaving goes on
            log.warning("step.failed_draining", step=self.step.name, error=str(error))
        await self.runtime.stop()
        await self.reader.close()
        if self.letters:
            await self.letters.close()


@dataclass(frozen=True)
class Shop:
    """What it takes to set a step to work."""

    cluster: Cluster
    settings: Settings
    ports: Ports
    meter: PrometheusMeter
    guard: Guard
    doors: Doors = Doors()  # frozen

    def make(self, step: Step) -> Running:
        """The step, ready to start; nothing is reached yet."""
        if isinstance(step, Projection):
            return self._projection(step)
        batch_max = PURE_BATCH_MAX if isinstance(step, Pure) else EFFECT_BATCH_MAX
        lane = self.doors.lane(
            self.cluster,
            Subscription(step.name, (step.reads.name,), batch_max),
            Slot(step.name, self.settings.slot),
            self._lag(step.name),
        )
        if isinstance(step, Pure):
            runtime: Runtime = PureRuntime(step, lane, *self._tools(), guard=self.guard)
            return Running(step, lane, runtime, (step.ready, lane.open))
        effect = EffectRuntime(step, lane, *self._tools(), guard=self.guard)
        return Running(step, lane, effect, (step.ready, lane.open))

    def _projection(self, step: Projection) -> Running:
        topics = tuple(topic.name for topic in step.reads)
        subscription = Subscription(step.name, topics, PROJECTION_BATCH_MAX, ledger=True)
        reader = self.doors.reader(self.cluster, subscription, self._lag(step.name))
        letters = self.doors.letters(self.cluster)
        runtime = ProjectionRuntime(step, reader, letters, *self._tools(), guard=self.guard)
        return Running(step, reader, runtime, (reader.start_polling,), letters)

    def _tools(self) -> tuple[MediaStore, PrometheusMeter, Clock]:
        return self.ports.media, self.meter, self.ports.clock

    def _lag(self, step: str) -> Lag:
        return lambda partition, lag: self.meter.lag(step, partition.topic, partition.number, lag)


async def end_all(running: Sequence[Running], timeout_s: float) -> None:
    """Ends all steps at once, each within the time."""
    await asyncio.gather(*[one.end(timeout_s) for one in running])


def collect_rarely() -> None:
    """Tells the garbage collector how we live: what is loaded stays, what is in flight goes soon.

    By its own figures it would look through all of memory for every few batches, which took a
    quarter of the time of a pure step.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
