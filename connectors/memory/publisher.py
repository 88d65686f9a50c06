"""The publisher's twin: records in a list, acknowledged at once."""

from collections import Counter
from dataclasses import dataclass, field

from connectors.memory.log import MemoryLog
from streams.lanes import Encoded
from streams.queries import Acknowledged, Unavailable


@dataclass
class MemoryPublisher:
    """Implements `streams.queries.Publisher`; while `away`, it raises Unavailable."""

    records: list[Encoded] = field(default_factory=list)
    away: bool = False
    _offsets: Counter[str] = field(default_factory=Counter)

    async def publish(self, record: Encoded) -> Acknowledged:
        """Appends the record to partition 0 of its topic."""
        await self.reachable()
        self.records.append(record)
        offset = self._offsets[record.topic]
        self._offsets[record.topic] += 1
        return Acknowledged(0, offset)

    async def reachable(self) -> None:
        """Returns unless the twin is told to be away."""
        if self.away:
            raise Unavailable("kafka", "told to be away")


@dataclass
class LogPublisher:
    """Likewise, onto a log in memory that others read."""

    log: MemoryLog

    async def publish(self, record: Encoded) -> Acknowledged:
        """Appends the record."""
        written = self.log.append(record)
        return Acknowledged(written.partition.number, written.offset)

    async def reachable(self) -> None:
        """Returns at once."""
