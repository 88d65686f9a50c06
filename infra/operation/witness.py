"""Watches over a rebuild: which record it died of is known to the next one.

The rule is the workers' (docs/decisions/0013-unfinished-starts.md), and nobody else runs beside: a
record at which three rebuilds crashed or stood still, or six were killed, is passed over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agents.runtime.guard import Guard
from connectors.journal.mapped import MappedJournal, left_behind
from infra.operation.watchdog import Watchdog
from streams.poison.starts import Place, Suspicion, suspicions

EVERY_S = 1.0


@asynccontextmanager
async def witnessed(
    folder: Path, stall_timeout_s: float, say: Callable[[str], None]
) -> AsyncIterator[Guard]:
    """A guard for one rebuild; says of which records earlier ones died.

    When the context ends well, they are forgotten.
    """
    remains = left_behind(folder)
    known = suspicions(start for one in remains for start in one.starts)
    for place, suspicion in known.items():
        say(_told(place, suspicion))
    journal = MappedJournal(folder)
    watchdog = Watchdog(journal, stall_timeout_s)
    watchdog.take_last_words()
    looking = asyncio.create_task(_put_off(watchdog))
    try:
        yield Guard(journal, lambda: known)
        for one in remains:
            one.forget()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        watchdog.stop()
        journal.close()


async def _put_off(watchdog: Watchdog) -> None:
    while True:
        watchdog.put_off()
        await asyncio.sleep(EVERY_S)


def _told(place: Place, suspicion: Suspicion) -> str:
    (topic, number), deaths = place.partition, len(suspicion.starts)
    where = f"{topic}, partition {number}, offset {place.offset}"
    cause = suspicion.starts[-1].cause
    if suspicion.verdict:
        return f"passed over: {where}; {deaths} rebuilds died of it (the last was {cause})"
    return f"a rebuild {cause} at {where} ({deaths} so far): if it is so again, it is passed over"
