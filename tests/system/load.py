"""An upstream that publishes all the time and remembers what the brokers acknowledged."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from schemas.camera_events import SmartDetection
from schemas.inferences import InferenceResult
from streams import identity
from streams.publishing import record
from streams.queries import Unavailable
from tests.system.processes import until
from tests.system.upstream import NOON

CAMERAS: Final = 24
BURST: Final = 5
BURST_EVERY_S: Final = 0.1
"""Spreads the load over the run; nothing waits for it."""


@dataclass
class Load:
    """Unique inference results and camera events, in equal parts; ids by what they will be."""

    cluster: Cluster
    inferences: set[UUID] = field(default_factory=set)
    """Acknowledged."""
    events: set[UUID] = field(default_factory=set)
    """Acknowledged."""
    attempted: set[UUID] = field(default_factory=set)
    _ending: threading.Event = field(default_factory=threading.Event)
    _number: int = 0

    def fresh(self) -> frozenset[UUID]:
        """An inference result of each camera, published and acknowledged from now on.

        Together they are in every partition.
        """
        first = self._number
        wanted = {identity.inference_id(inference(first + n)) for n in range(CAMERAS)}
        return until(lambda: frozenset(wanted) if wanted <= self.inferences else None)

    def run(self) -> None:
        """Until the end is near, and everything is acknowledged or refused."""
        asyncio.run(self._run())

    def end(self) -> None:
        """No more."""
        self._ending.set()

    async def _run(self) -> None:
        publisher = KafkaPublisher(self.cluster)
        under_way = set[asyncio.Task[None]]()
        while not self._ending.is_set():
            for _ in range(BURST):
                for event in (inference(self._number), sighting(self._number)):
                    task = asyncio.create_task(self._publish(publisher, event))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                self._number += 1
            await asyncio.sleep(BURST_EVERY_S)
        await asyncio.gather(*under_way)
        await publisher.close()

    async def _publish(
        self, publisher: KafkaPublisher, event: InferenceResult | SmartDetection
    ) -> None:
        if isinstance(event, InferenceResult):
            id_, acknowledged = identity.inference_id(event), self.inferences
        else:
            id_, acknowledged = identity.event_id(event), self.events
        self.attempted.add(id_)
        try:
            await publisher.publish(record(event))
        except Unavailable:
            return  # it may be in the log or not: nobody promised
        acknowledged.add(id_)


@contextmanager
def loading(cluster: Cluster) -> Iterator[Load]:
    """Publishes within; at the end everything published is acknowledged or refused."""
    load = Load(cluster)
    thread = threading.Thread(target=load.run, name="load")
    thread.start()
    try:
        yield load
    finally:
        load.end()
        thread.join()


def inference(number: int) -> InferenceResult:
    """What a model saw, once."""
    return InferenceResult(
        result_id=f"result-{number}",
        source="load",
        camera_id=f"camera-{number % CAMERAS}",
        timestamp=NOON,
        model_id="model",
        metadata={"number": number},
    )


def sighting(number: int) -> SmartDetection:
    """What a camera saw, once; nobody registered the camera."""
    return SmartDetection(
        event_id=f"event-{number}",
        source="load",
        camera_id=f"camera-{number % CAMERAS}",
        timestamp=NOON,
        labels=("person",),
    )
