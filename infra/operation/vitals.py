"""Looks after a worker's process once a second, and tells how it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from agents.runtime.guard import Guard
from agents.runtime.suspects import Suspects
from connectors.journal.mapped import MappedJournal, left_behind
from connectors.metrics.prometheus import PrometheusMeter
from connectors.postgres.starts import PostgresStarts
from infra.operation.memory import allow_more, resident_mb
from infra.operation.watchdog import Watchdog, end_at_once
from infra.running import Running
from infra.settings import Settings
from streams.ports import Clock
from streams.records import Partition

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
LATE_S: Final = 5.0
"""An event loop that did not turn for so long is told of; `stall_timeout_s` ends it."""

ABANDONED_MAX: Final = 8
"""Calls that can't be ended, of all steps; with more, a fresh process is better."""

THREAD_SILENT_MAX_S: Final = 120.0
"""Longer than any call to Kafka may take, those that ignore their own time-out included."""


@dataclass
class Vitals:
    """One worker's; `end` asks for an end in order and a fresh process."""

    settings: Settings
    suspects: Suspects
    guard: Guard
    watchdog: Watchdog
    journal: MappedJournal
    end: Callable[[], None]
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    running: Mapping[str, Running] = field(default_factory=dict)
    state: str = "starting"
    died: int = 0
    """Workers on this machine that had died when this one started, and left a journal."""

    _began: float = field(default_factory=time.monotonic)
    _turned: float = field(default_factory=time.monotonic)
    _committed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.guard.finished = self._finished

    def ready(self) -> None:
        """All steps have joined their groups."""
        self.state = "ok"
        allow_more(self.settings.memory_max_mb)

    async def look_after(self) -> None:
        """For ever."""
        while True:
            self._turned = time.monotonic()
            self.watchdog.put_off()
            self._threads()
            self._memory()
            self._calls()
            await asyncio.sleep(EVERY_S)

    def _finished(self, step: str, progress: Mapping[Partition, int]) -> None:
        """A step's progress is kept."""
        self._committed[step] = time.monotonic()
        self.suspects.finished(step, progress)

    def _threads(self) -> None:
        for name, running in self.running.items():
            silent_s = running.reader.silent_s
            if silent_s > THREAD_SILENT_MAX_S:
                log.error("worker.thread_stuck", step=name, silent_s=round(silent_s))
                self.journal.close()  # no record is to blame
                end_at_once()

    def _memory(self) -> None:
        resident = resident_mb()
        if resident > self.settings.memory_max_mb and self.state == "ok":
            under_way = {name: one.under_way for name, one in self.running.items()}
            log.error(
                "worker.memory",
                resident_mb=resident,
                memory_max_mb=self.settings.memory_max_mb,
                **under_way,
            )
            self.end()

    def _calls(self) -> None:
        for name, one in self.running.items():
            self.meter.abandoned(name, one.under_way.get("abandoned", 0))
            suspects = sum(place.step == name for place in self.suspects.known)
            self.meter.suspects(name, suspects)
        if self.guard.abandoned > ABANDONED_MAX and self.state == "ok":
            log.error("worker.abandoned", calls=self.guard.abandoned)
            self.end()

    def told(self) -> tuple[bool, bytes]:
        """Whether all is well, and what `/health` says; asked from any thread."""
        late_s = time.monotonic() - self._turned
        status = "blocked" if self.state == "ok" and late_s > LATE_S else self.state
        said = {
            "status": status,
            "slot": self.settings.slot,
            "up_s": round(time.monotonic() - self._began, 1),
            "blocked_s": round(late_s, 1) if status == "blocked" else 0.0,
            "resident_mb": resident_mb(),
            "memory_max_mb": self.settings.memory_max_mb,
            "predecessors_died": self.died,
            "steps": {name: self._step(name, one) for name, one in self.running.items()},
            "suspects": self._suspected(),
            "at": datetime.now(UTC),
        }
        return status == "ok", msgspec.json.encode(said)

    def _step(self, name: str, running: Running) -> Mapping[str, object]:
        letters = {r: n for (step, r), n in tuple(self.meter.letters.items()) if step == name}
        return {
            "kind": type(running.step).__name__.lower(),
            "batch_s_ago": _ago(running.took),
            "commit_s_ago": _ago(self._committed.get(name)),
            **running.under_way,
            "dead_letters": letters,
        }

    def _suspected(self) -> list[Mapping[str, object]]:
        return [
            {
                "step": place.step,
                "topic": place.partition.topic,
                "partition": place.partition.number,
                "offset": place.offset,
                "starts": len(suspicion.starts),
                "verdict": suspicion.verdict.reason if suspicion.verdict else None,
            }
            for place, suspicion in self.suspects.known.items()
        ]


@asynccontextmanager
async def looked_after(
    settings: Settings,
    steps: Collection[str],
    store: PostgresStarts,
    clock: Clock,
    end: Callable[[], None],
) -> AsyncIterator[Vitals]:
    """As long as the context lasts; what dies before it ends has left a journal."""
    folder = settings.folder / "journals" / (settings.namespace or "default")
    remains = left_behind(folder)
    for one in remains:
        log.warning("worker.died", cause=one.cause, starts=len(one.starts), stacks=one.stacks)
    journal = MappedJournal(folder)
    suspects = Suspects(steps, store, clock, list(remains))
    watchdog = Watchdog(journal, settings.stall_timeout_s)
    watchdog.take_last_words()
    guard = Guard(journal, known=lambda: suspects.known)
    vitals = Vitals(settings, suspects, guard, watchdog, journal, end, died=len(remains))
    looking = asyncio.create_task(vitals.look_after())
    looking.add_done_callback(lambda done: None if done.cancelled() else end())
    try:
        yield vitals
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await suspects.look()  # what is finished by now is forgotten by now
        await store.close()
        watchdog.stop()
        journal.close()


def _ago(moment: float | None) -> float | None:
    return None if moment is None else round(time.monotonic() - moment, 1)
