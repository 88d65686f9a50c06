"""One random history, all of it from one seed: what is published, and what goes wrong meanwhile.

Then everything is mended, and the site must come to rest by itself: every group at the end of every
partition. The account (`tests.simulation.account`) comes after.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from connectors.memory.lane import MemoryLane
from connectors.memory.log import MemoryLog
from connectors.memory.read_model import Store
from infra.topology import STEPS
from streams.ports import StoreAway
from streams.providers.health.states import States
from streams.topics import PROVIDER_STATE
from tests.simulation.account import lag, wrongs
from tests.simulation.surroundings import Mood
from tests.simulation.upstream import Upstream
from tests.simulation.virtual import START, Stalled, VirtualLoop
from tests.simulation.weather import SERVER, Weather
from tests.simulation.worker import Site, Worker

WORKERS_MAX: Final = 3
SESSION_S: Final = 6.0
"""After so long without a word the group takes a member for dead."""
REST_S: Final = 6 * 3_600.0
"""In so much virtual time a mended site is at rest, or never will be."""


@dataclass(frozen=True)
class Parts:
    """What a history is made of; a mutation brings a broken one."""

    log: Callable[..., MemoryLog] = MemoryLog
    store: Callable[[], Store] = Store
    lane: Callable[..., MemoryLane] = MemoryLane


@dataclass
class History:
    """A site, its upstream, and a hand that breaks things."""

    seed: int
    parts: Parts = field(default_factory=Parts)
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  # no secret
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(lambda *_: None)  # killed processes leave futures behind
        self.workers: list[Worker] = []

    def run(self) -> list[str]:
        """Everything that is wrong in the end; empty when all is well."""
        asyncio.set_event_loop(self.loop)
        try:
            return self.loop.run_until_complete(self._run())
        except Stalled as error:
            return [f"stalled: {error}"]
        finally:
            self._close()

    async def _run(self) -> list[str]:
        chance = self.chance
        self.calm = chance.choice((0.0, 0.02, 0.1))
        weather = Weather(self.loop, chance, trouble=self.calm)
        log = self.parts.log(
            partitions=chance.choice((1, 2, 3)),
            now_ms=lambda: int((START.timestamp() + self.loop.time()) * 1000),
        )
        mood = Mood(chance, ill=chance.choice((0.0, 0.1, 0.3)))
        self.site = Site(self.loop, weather, mood, log, self.parts.store(), lane=self.parts.lane)
        self.upstream = Upstream(chance, log)
        for slot in range(chance.choice((1, 1, 2, 2, 3))):
            self._start(slot)
        for _ in range(chance.randrange(4, 22)):
            await asyncio.sleep(chance.choice((0.0, 0.01, 0.05, 0.3, 1.0, 4.0)))
            self._happens()
        await self._mended()
        found = await self._at_rest()
        found += [f"a worker could not go on: {w.failure!r}" for w in self.workers if stopped(w)]
        return found or [*wrongs(log, self.site.store), *self._at_odds()]

    def _happens(self) -> None:
        if self.chance.random() < 0.5:
            self.upstream.publish()
            return
        what = self.chance.choices(
            (
                self._kill, self._freeze, self._deafen, self._stop, self._join,
                self._send_away, self._storm, self.upstream.in_vain, self.upstream.redrive,
            ),
            (6, 3, 3, 2, 2, 3, 1, 1, 2),
        )[0]  # fmt: skip
        what()

    def _tell(self, text: str) -> None:
        self.story.append(f"{self.loop.time():9.3f} s: {text}")

    def _later(self, delay_s: float, what: Callable[..., object], *args: object) -> None:
        self.loop.call_later(delay_s, what, *args, context=SERVER)

    def _some(self) -> Worker | None:
        up = [worker for worker in self.workers if worker.up and not worker.process.frozen]
        return self.chance.choice(up) if up else None

    def _start(self, slot: int) -> None:
        steps = (
            STEPS
            if self.chance.random() < 0.7
            else tuple(step for step in STEPS if self.chance.random() < 0.6)
        )
        skew_s = self.chance.choice((0.0, 0.0, -3_600.0, 90.0))
        self.workers.append(Worker(self.site, slot, steps, skew_s))
        self._tell(f"a worker of slot {slot} starts: {' '.join(steps)}")

    def _kill(self) -> None:
        if worker := self._some():
            self._tell(f"kill -9 of slot {worker.slot}")
            worker.process.kill()
            self._forget(worker, self.chance.random() * SESSION_S)
            slot = worker.slot if self.chance.random() < 0.7 else self.chance.randrange(5)
            self._later(self.chance.random() * 8, self._start, slot)

    def _forget(self, worker: Worker, after_s: float) -> None:
        for reader in worker.readers:
            self._later(after_s, reader.group.leave, reader.member)

    def _freeze(self) -> None:
        if worker := self._some():
            seconds = self.chance.choice((0.5, 3.0, 8.0, 15.0, 30.0))
            self._tell(f"slot {worker.slot} is frozen for {seconds:g} s")
            worker.process.freeze()
            if seconds > SESSION_S:
                self._forget(worker, SESSION_S)
            self._later(seconds, self._thaw, worker)

    def _thaw(self, worker: Worker) -> None:
        worker.process.thaw()
        for reader in worker.readers:
            reader.tell()

    def _deafen(self) -> None:
        worker = self._some()
        if worker and worker.readers:
            reader = self.chance.choice(worker.readers)
            seconds = self.chance.random() * 12
            self._tell(f"a reader of slot {worker.slot} is a zombie for {seconds:.1f} s")
            reader.group.leave(reader.member)
            self._later(seconds, reader.tell)

    def _stop(self) -> None:
        if worker := self._some():
            self._tell(f"SIGTERM for slot {worker.slot}")
            worker.stopping.set()
            self._later(self.chance.random() * 5, self._start, worker.slot)

    def _join(self) -> None:
        if sum(worker.up for worker in self.workers) < WORKERS_MAX:
            self._start(self.chance.randrange(5))

    def _send_away(self) -> None:
        server = self.chance.choice(("database", "kafka", "media"))
        seconds = self.chance.choice((0.2, 2.0, 12.0, 60.0))
        self._tell(f"{server} is away for {seconds:g} s")
        self.site.weather.away.add(server)
        self._later(seconds, self.site.weather.away.discard, server)

    def _storm(self) -> None:
        self._tell("half of all calls get lost for 5 s")
        self.site.weather.trouble = 0.5
        self._later(5.0, setattr, self.site.weather, "trouble", self.calm)

    async def _mended(self) -> None:
        """Nothing breaks any more; what is down is started, one worker with all steps at least."""
        await asyncio.sleep(60)
        self._tell("everything is mended")
        self.site.weather.trouble = 0.0
        self.site.weather.away.clear()
        self.site.mood.ill = 0.0
        for worker in self.workers:
            if worker.process.frozen:
                self._thaw(worker)
        slots = {worker.slot: worker for worker in self.workers if worker.up}
        for worker in self.workers:
            if slots.get(worker.slot) is not worker:
                worker.stopping.set()  # one slot, one worker
        self.workers.append(Worker(self.site, 9, STEPS))

    async def _at_rest(self) -> list[str]:
        """What still lags when the time for it is over."""
        ends = self.loop.time() + REST_S
        wait_s = 1.0
        while (behind := lag(self.site.log)) and self.loop.time() < ends:
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.5, 300.0)
            if not self.workers[-1].up:  # what supervises workers starts them again
                self.workers.append(Worker(self.site, 9, STEPS))
        return [f"not at rest: {behind}"] if behind else []

    def _at_odds(self) -> list[str]:
        """Workers that know something else of providers than the log says."""
        states = States()
        for record in self.site.log.of(PROVIDER_STATE.name):
            states.apply(PROVIDER_STATE.codec.decode(record.value))
        known = [worker.health.board for worker in self.workers if worker.up and worker.health]
        wrong = [board.by.worker for board in known if [*board.states.all()] != [*states.all()]]
        doubts = [f"not restated: {state.correlation_id}" for state in states.restatements()]
        return [f"{name} knows something else of providers" for name in wrong] + doubts

    def _close(self) -> None:
        """Lets go of everything without another word."""
        for worker in self.workers:
            worker.process.kill()
        self.loop.close()
        asyncio.set_event_loop(None)


def stopped(worker: Worker) -> bool:
    """Whether it ended by what nothing in a history explains; a store that is away does."""
    return not isinstance(worker.failure, StoreAway | None)
