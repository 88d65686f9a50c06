"""Which calls were begun under a lease whose worker never came back: `ai.attempts.v1` says so.

All that the brokers have is read, not only what is committed: beginnings are written outside of
transactions, an open one would hide them, and a call whose transaction was aborted was made.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Final
from uuid import UUID

from confluent_kafka import KafkaException

from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.codec import Undecodable
from streams.ports import StoreAway
from streams.projection.ports import Log
from streams.quota.amounts import Amounts
from streams.quota.begun import Tally
from streams.quota.ports import Lost
from streams.records import Partition, Record
from streams.topics import AI_ATTEMPTS

TIMEOUT_S: Final = 300.0


class LoggedCalls:
    """Implements `streams.quota.ports.BegunCalls`."""

    def __init__(self, cluster: Cluster) -> None:
        self._history = History(cluster, (AI_ATTEMPTS.name,), committed=False)

    async def used(self, lost: Collection[Lost]) -> Mapping[UUID, Amounts]:
        """What the calls of these leases used, by lease. Raises StoreAway."""
        tally = Tally({lease.id for lease in lost})
        try:
            async with asyncio.timeout(TIMEOUT_S):
                logs = await self._history.logs()
                async for records in self._history.read(spans(lost, logs)):
                    tally.add(_events(records))
        except (KafkaException, TimeoutError) as error:
            text = f"the log of attempts can't be read: {str(error) or type(error).__name__}"
            raise StoreAway(text) from error
        return tally.used


def spans(
    lost: Collection[Lost], logs: Mapping[Partition, Log]
) -> Mapping[Partition, tuple[int, int]]:
    """From where the oldest of the leases may be named, to the end; of another topic: all of it."""
    found = {}
    for partition, log in logs.items():
        end = log.end or 0
        start = min((lease.log_from.get(partition.number, 0) for lease in lost), default=0)
        found[partition] = (start if log.first <= start <= end else log.first, end)
    return found


def _events(records: Collection[Record]) -> Iterator[AttemptBegun | ProviderAttempted]:
    for record in records:
        try:
            yield AI_ATTEMPTS.codec.decode(record.value)
        except Undecodable:
            continue  # nobody who may spend wrote it
