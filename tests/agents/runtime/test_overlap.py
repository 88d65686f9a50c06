from agents.enrich import Enrich
from agents.runtime.pure import PureRuntime
from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraEvent
from streams.lanes import Work
from streams.records import Outputs, Partition, Received
from streams.registry import Registry
from streams.steps import Pure
from streams.topics import CAMERA_EVENTS, ENRICHED
from tests.agents.runtime.scene import FastClock, Tally, motion, published


class Watched(MemoryLane):
    """Tells whether a commit has begun."""

    begun = False

    async def commit(self, work: Work) -> frozenset[Partition]:
        self.begun = True
        return await super().commit(work)


async def test_a_batch_is_transformed_while_the_one_before_commits() -> None:
    log = MemoryLog()
    published(log, motion("first"), motion("second"))
    lane = Watched(log, "enrich", (CAMERA_EVENTS.name,), batch_max=1)
    await lane.open()
    seen: list[bool] = []

    def agent(received: Received[CameraEvent]) -> Outputs:
        seen.append(lane.begun)
        return Enrich(Registry())(received)

    step = Pure(name="enrich", reads=CAMERA_EVENTS, runs=agent, writes=(ENRICHED,))
    runtime = PureRuntime(step, lane, MemoryMedia(), Tally(), FastClock())
    batches = [await lane.take(), await lane.take()]
    for batch in batches:
        await runtime.handle(batch)
    await runtime.drain()

    assert seen == [False, True]
