"""Asks an effect step's agent about one record until there are outputs or a verdict.

Whatever an agent does, this ends: it raises, hangs, catches its own cancellation, returns nonsense,
asks to be asked later for ever. Its record gets the verdict, and nobody else's does.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from agents.runtime.calls import CallAbandoned, Calls, CallTimedOut
from agents.runtime.guard import Guard
from agents.runtime.letters import failed
from streams import wire
from streams.dead_letters import Rejected
from streams.lanes import Encoded
from streams.ports import Clock, StoreAway
from streams.records import NotYet, Received, Record
from streams.steps import Effect

log = structlog.get_logger(__name__)

TRIES_MAX: Final = 3
"""Calls of the agent for one record before it becomes a dead letter."""

RETRY_FIRST_S: Final = 0.2
STORE_RETRY: Final = timedelta(seconds=5)


@dataclass
class Asking:
    """One effect step's way of asking."""

    step: Effect[msgspec.Struct]
    clock: Clock
    guard: Guard
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = self.guard.calls()

    async def outputs(self, record: Record, since: datetime) -> tuple[Encoded, ...] | NotYet:
        """What the agent says of a record that it was first asked about at `since`.

        Raises Rejected: it becomes a dead letter. A store that is away or full is no fault of the
        record: it waits until there is room, however long that takes.
        """
        alone = False
        cause: Exception | None = None
        for attempt in range(TRIES_MAX):
            if attempt:
                await self.clock.sleep(RETRY_FIRST_S * 2 ** (attempt - 1))
            try:
                async with self.guard.one(self.step.name, record, alone=alone):
                    return await self._asked(record, since)
            except StoreAway as error:
                log.warning("store.away", step=self.step.name, error=str(error))
                return NotYet(self.clock.now() + STORE_RETRY)
            except Rejected:
                raise
            except CallTimedOut as error:
                why, cause = self._late(error), error
                if isinstance(error, CallAbandoned):
                    break  # asked again it would be there twice
            except MemoryError as error:
                alone = True  # somebody else may have taken it all
                why, cause = failed(error), error
            except Exception as error:  # noqa: BLE001  # whatever an agent raises costs this record
                why, cause = failed(error), error
        raise why from cause

    async def _asked(self, record: Record, since: datetime) -> tuple[Encoded, ...] | NotYet:
        received = wire.received(self.step.reads, record, self.step.siblings)
        if received is None:
            return ()
        answer = await self.calls.within(self.step.time_limit_s, self._call(received))
        if isinstance(answer, NotYet):
            return self._parked(answer, since)
        outputs = wire.vetted(self.step.writes, answer)
        encoded = tuple(wire.encoded(self.step.name, output) for output in outputs)
        for output, written in zip(outputs, encoded, strict=True):
            wire.check(output.topic, written)
        return encoded

    async def _call(self, received: Received[msgspec.Struct]) -> object:
        return await self.step.runs(received)  # awaited here: it may be no coroutine at all

    def _parked(self, answer: NotYet, since: datetime) -> NotYet:
        """The same, when it is a time, and not later than a record may wait."""
        latest = since + timedelta(seconds=self.step.parked_max_s)
        until: object = answer.until
        if not isinstance(until, datetime) or until.tzinfo is None:
            raise Rejected("agent_failed", f"not yet, it said, and until when is no time: {until}")
        if max(until, self.clock.now()) > latest:
            text = f"not ready within {self.step.parked_max_s:g} s: it said, not until {until}"
            raise Rejected("agent_failed", text)
        return answer

    def _late(self, error: CallTimedOut) -> Rejected:
        text = f"not finished within {self.step.time_limit_s:g} s"
        if isinstance(error, CallAbandoned):
            text += "; it can't be ended, and goes on"
        return Rejected("time_limit", text)
