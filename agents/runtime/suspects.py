"""Which records have unfinished starts: as dead workers' journals tell, and as every worker knows.

What this machine's journals say is known at once. The store tells what others found; nobody waits
for it: while it is away, journals keep what it does not have.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from streams.poison.starts import Place, Start, StartsStore, Suspicion, suspicions
from streams.ports import Clock, StoreAway
from streams.records import Partition

log = structlog.get_logger(__name__)

REFRESH_S: Final = 5.0
LOOK_S: Final = 2.0
"""How long a worker that starts or ends waits for the store."""


class Remains(Protocol):
    """What a process that died has left."""

    @property
    def starts(self) -> tuple[Start, ...]:
        """What it had not finished."""
        ...

    def forget(self) -> None:
        """All of it is kept elsewhere now."""
        ...


@dataclass
class Suspects:
    """What is known of the records of some steps."""

    steps: Collection[str]
    store: StartsStore
    clock: Clock
    remains: list[Remains] = field(default_factory=list)
    """Of journals; until they are in the store."""

    _known: Mapping[Place, Suspicion] = field(default_factory=dict, init=False)
    _finished: dict[tuple[str, Partition], int] = field(default_factory=dict, init=False)
    _stored: Collection[Start] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self._fold()

    @property
    def known(self) -> Mapping[Place, Suspicion]:
        """Every record with unfinished starts."""
        return self._known

    def finished(self, step: str, progress: Mapping[Partition, int]) -> None:
        """Records below these offsets are in the log, or are letters: nothing is held of them."""
        if not self._known:
            return
        for place in [p for p in self._known if p.step == step]:
            reached = progress.get(place.partition, 0)
            if place.offset < reached:
                self._finished[step, place.partition] = reached
        self._fold()

    async def look(self) -> None:
        """A first look at the store, or a last one, for as long as a worker may wait for it."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._exchange()
        except (StoreAway, TimeoutError) as error:
            log.warning("starts.away", error=str(error) or type(error).__name__)

    async def keep(self) -> None:
        """Tells the store and asks it, for ever."""
        while True:
            await self.clock.sleep(REFRESH_S)
            try:
                await self._exchange()
            except StoreAway as error:
                log.warning("starts.away", error=str(error))

    async def _exchange(self) -> None:
        told = list(self.remains)
        await self.store.add([start for remains in told for start in remains.starts])
        for (step, partition), reached in list(self._finished.items()):
            await self.store.clear(step, {partition: reached})
            if self._finished.get((step, partition)) == reached:
                del self._finished[step, partition]
        self._stored = await self.store.all(self.steps)
        for remains in told:
            self.remains.remove(remains)
            remains.forget()
        self._fold()

    def _fold(self) -> None:
        starts = [*self._stored, *(s for remains in self.remains for s in remains.starts)]
        self._known = suspicions(s for s in starts if not self._is_finished(s.place))

    def _is_finished(self, place: Place) -> bool:
        return place.offset < self._finished.get((place.step, place.partition), 0)
