"""Steps at work: each has a lane, a runtime and a channel of batches that a Faust agent reads.

The service here is started by the Faust app. It brings the records (Faust's own consumer is off)
and ends in order: no more records, what is under way into the log, out of the group.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from agents.runtime.effect import EffectRuntime
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
from streams.lanes import Batch, Reader
from streams.ports import Clock, MediaStore
from streams.records import Partition
from streams.steps import Projection, Pure, Step

log = structlog.get_logger(__name__)

PURE_BATCH_MAX = 5_000
EFFECT_BATCH_MAX = 256
PROJECTION_BATCH_MAX = 4_000


class Runtime(Protocol):
    """What the three kinds of runtime share."""

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
    reader: Reader
    runtime: Runtime
    draining: bool = False
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def work(self, batch: Batch) -> None:
        """One batch; what comes after draining began is left to whoever comes next."""
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


@dataclass(frozen=True)
class Shop:
    """What it takes to set a step to work."""

    cluster: Cluster
    settings: Settings
    ports: Ports
    meter: PrometheusMeter

    async def open(self, step: Step) -> Running:
        """Joins the step's group, once what the step needs is there."""
        if isinstance(step, Projection):
            return await self._projection(step)
        if isinstance(step, Pure):
            await step.ready()
            lane = await self._lane(step.name, step.reads.name, PURE_BATCH_MAX)
            return Running(step, lane, PureRuntime(step, lane, *self._tools()))
        lane = await self._lane(step.name, step.reads.name, EFFECT_BATCH_MAX)
        return Running(step, lane, EffectRuntime(step, lane, *self._tools()))

    async def _projection(self, step: Projection) -> Running:
        topics = tuple(topic.name for topic in step.reads)
        subscription = Subscription(step.name, topics, PROJECTION_BATCH_MAX, ledger=True)
        reader = GroupReader(self.cluster, subscription, self._lag(step.name))
        letters = KafkaPublisher(self.cluster)
        await reader.start_polling()
        return Running(step, reader, ProjectionRuntime(step, reader, letters, *self._tools()))

    async def _lane(self, step: str, topic: str, batch_max: int) -> KafkaLane:
        lane = KafkaLane(
            self.cluster,
            Subscription(step, (topic,), batch_max),
            Slot(step, self.settings.slot),
            self._lag(step),
        )
        await lane.open()
        return lane

    def _tools(self) -> tuple[MediaStore, PrometheusMeter, Clock]:
        return self.ports.media, self.meter, self.ports.clock

    def _lag(self, step: str) -> Callable[[Partition, int], None]:
        return lambda partition, lag: self.meter.lag(step, partition.topic, partition.number, lag)


async def end_all(running: Sequence[Running], timeout_s: float) -> None:
    """Ends all steps at once, each within the time."""
    await asyncio.gather(*[one.end(timeout_s) for one in running])
