"""Which outcomes the log holds, asked in the read model, and believed only if it is of that log.

A read model outlives the log that it was made from: Kafka was lost, or is another one. Whoever
believed its rows then would do nothing for an event that is published again, and nobody would ever
hear of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa
import structlog

from connectors.postgres.pool import ReadPool, fetch
from connectors.postgres.reads import window_of
from connectors.postgres.tables import AI_EVENTS, PROJECTION_OFFSETS
from streams.projection.ports import REBUILD, Log
from streams.records import Partition
from streams.topics import AI_EVENTS as TOPIC

log = structlog.get_logger(__name__)

ASK_TIMEOUT_S: Final = 1.0
"""For the database."""

LOG_TIMEOUT_S: Final = 5.0
"""For the log, which is asked only about what the database knows: repeats, and little else."""

Logs = Callable[[], Awaitable[Mapping[Partition, Log]]]


@dataclass
class KnownOutcomes:
    """Implements `streams.ports.Outcomes`; `logs` tells of every partition of `ai.events.v1`."""

    pool: ReadPool
    logs: Logs
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _asked_at: float = field(default=-1.0, init=False)
    _told: Mapping[Partition, Log] = field(default_factory=dict, init=False)
    _warned: bool = field(default=False, init=False)

    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that are recorded; none when nobody can say so in time."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                rows = await self._rows(outcome_ids)
            if not rows or not await self._is_of_the_log(rows):
                return frozenset()
        except Exception as error:  # noqa: BLE001  # the port's promise: this never raises
            log.warning("outcomes.away", error=type(error).__name__)
            return frozenset()
        return frozenset(row["id"] for row in rows)

    async def _rows(self, outcome_ids: Collection[UUID]) -> Sequence[asyncpg.Record]:
        """Each id that has a row, beside each row of the ledger: one statement, one moment."""
        window = window_of(outcome_ids)
        if window is None:
            return ()
        event, ledger = AI_EVENTS.c, PROJECTION_OFFSETS.c
        query = (
            sa.select(event.id, ledger.part, ledger.topic_id, ledger.next)
            .select_from(AI_EVENTS.join(PROJECTION_OFFSETS, ledger.topic == TOPIC.name))
            .where(event.id == sa.any_(sa.literal(list(outcome_ids), sa.ARRAY(sa.Uuid))))
            .where(event.timestamp.between(*window))
        )
        async with self.pool.connection() as connection:
            return await fetch(connection, query)

    async def _is_of_the_log(self, rows: Sequence[asyncpg.Record]) -> bool:
        """Whether the ledger, as it was just read, is of the log as it is now."""
        async with asyncio.timeout(LOG_TIMEOUT_S):
            logs = await self._logs_since(time.monotonic())
        for row in rows:
            here = logs.get(Partition(TOPIC.name, row["part"]))
            if here is None or row["topic_id"] != here.topic_id or row["next"] > (here.end or 0):
                if not self._warned:
                    text = f"the read model is of another {TOPIC.name}, its rows don't count: "
                    log.error("outcomes.of_another_log", error=text + REBUILD)
                self._warned = True
                return False
        self._warned = False
        return True

    async def _logs_since(self, moment: float) -> Mapping[Partition, Log]:
        """What the log says when asked after this moment; who came meanwhile hears the same."""
        async with self._asking:
            if self._asked_at < moment:
                began = time.monotonic()
                self._told = await self.logs()
                self._asked_at = began
            return self._told
