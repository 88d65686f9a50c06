"""A step at its end: everything that was opened for it is closed."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from agents.runtime.guard import Guard
from connectors.kafka.clients import Cluster
from connectors.memory.log import MemoryLog
from connectors.memory.media import MemoryMedia
from connectors.memory.read_model import MemoryReadModel, Store
from connectors.memory.reader import MemoryLedgerReader, MemoryLetters
from connectors.metrics.prometheus import PrometheusMeter
from infra.running import Doors, Shop, end_all
from infra.settings import Settings
from infra.topology import Ports
from streams.projection.project import PROJECTED
from streams.steps import Projection
from tests.agents.runtime.scene import FastClock


class Letters(MemoryLetters):
    closed = False

    async def close(self) -> None:
        self.closed = True


async def test_a_step_that_ends_closes_what_writes_its_letters() -> None:
    log = MemoryLog()
    letters = Letters(log)
    doors = Doors(
        reader=lambda _, s, _lag: MemoryLedgerReader(log, s.group, s.topics),
        letters=lambda _: letters,
    )
    ports = cast("Ports", SimpleNamespace(media=MemoryMedia(), clock=FastClock()))
    settings = Settings(folder=Path("/nonexistent"))
    shop = Shop(Cluster("nowhere:0"), settings, ports, PrometheusMeter(), Guard(), doors)
    step = Projection(name="project", reads=PROJECTED, into=MemoryReadModel(Store()))

    await end_all([shop.make(step)], timeout_s=1)

    assert letters.closed
