"""States and commands that all workers share, on the log in memory."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from connectors.memory.log import MemoryLog
from connectors.memory.network import CALM, Network, Unclear
from schemas.codec import Undecodable
from schemas.commands import Commands
from schemas.providers import ProviderStates
from streams.control import records
from streams.queries import Unavailable
from streams.records import Partition
from streams.topics import COMMANDS, PROVIDER_STATE, Topic

W = TypeVar("W", bound=msgspec.Struct)
READ_MAX = 1_000


class MemoryShared:
    """Twin of `KafkaShared`."""

    def __init__(self, log: MemoryLog, network: Network = CALM) -> None:
        self._log = log
        self._network = network
        self._ready = asyncio.Event()

    async def append(self, state: ProviderStates) -> None:
        """Raises Unavailable when it is not sure that the log has it."""
        try:
            await self._network.call(lambda: self._log.append(records.state(state)))
        except Unclear as error:
            raise Unavailable("kafka", str(error)) from error

    async def follow(
        self, states: Callable[[ProviderStates], None], commands: Callable[[Commands], None]
    ) -> None:
        """Everything from the beginning, then what comes."""
        more = asyncio.Event()
        topics = (COMMANDS.name, PROVIDER_STATE.name)
        self._log.watch(topics, lambda: self._network.tell(more.set))
        positions = {Partition(t, n): 0 for t in topics for n in range(self._log.partitions)}
        while True:
            more.clear()
            for partition, offset in positions.items():
                if partition.topic == COMMANDS.name:
                    end = self._take(COMMANDS, partition, offset, commands)
                else:
                    end = self._take(PROVIDER_STATE, partition, offset, states)
                positions[partition] = end
            self._ready.set()
            await more.wait()

    async def ready(self) -> None:
        """Returns when everything that was there at first is read."""
        await self._ready.wait()

    def _take(
        self, topic: Topic[W], partition: Partition, offset: int, apply: Callable[[W], None]
    ) -> int:
        """Hands over what came since; the offset to go on from."""
        for record in self._log.read(partition, offset, READ_MAX):
            offset = record.offset + 1
            try:
                event = topic.codec.decode(record.value)
            except Undecodable:
                continue  # as the twin does, which logs it
            apply(event)
        return offset
