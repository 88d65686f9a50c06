"""States and commands that all workers share, on Kafka."""

import asyncio
from collections.abc import Callable

from connectors.kafka.clients import Cluster
from connectors.kafka.follower import Follower
from schemas.commands import Commands
from schemas.providers import ProviderStates
from streams.control import records
from streams.queries import Publisher
from streams.topics import COMMANDS, PROVIDER_STATE


class KafkaShared:
    """Implements `streams.control.ports.SharedLog`."""

    def __init__(self, cluster: Cluster, publisher: Publisher) -> None:
        self._cluster = cluster
        self._publisher = publisher
        self._ready = asyncio.Event()

    async def append(self, state: ProviderStates) -> None:
        """Returns when the broker has it. Raises Unavailable."""
        await self._publisher.publish(records.state(state))

    async def follow(
        self, states: Callable[[ProviderStates], None], commands: Callable[[Commands], None]
    ) -> None:
        """Commands first: a state says how many of them its writer knew."""
        heeding = Follower(self._cluster, COMMANDS, lambda command, _: commands(command))
        reading = Follower(self._cluster, PROVIDER_STATE, lambda state, _: states(state))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(heeding.run())
            tasks.create_task(reading.run())
            await heeding.ready()
            await reading.ready()
            self._ready.set()

    async def ready(self) -> None:
        """Returns when every partition of both topics was read to its end once."""
        await self._ready.wait()
