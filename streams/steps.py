"""The topology's vocabulary: a step reads topics, runs an agent and writes topics.

Three kinds, one discipline: *pure* steps answer at once from what they hold in memory, *effect*
steps ask the world and may take long, *projection* steps fold the log into a read model.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from streams.projection.ports import ReadModel
from streams.records import NotYet, Outputs, Received
from streams.topics import Topic

W_co = TypeVar("W_co", bound=msgspec.Struct, covariant=True)


async def _at_once() -> None:
    """Nothing to wait for."""


@dataclass(frozen=True, kw_only=True)
class Pure(Generic[W_co]):
    """Outputs and offsets in one transaction per batch; `ready` is awaited before the first."""

    name: str
    reads: Topic[W_co]
    runs: Callable[[Received[W_co]], Outputs]
    writes: tuple[Topic[msgspec.Struct], ...]
    ready: Callable[[], Awaitable[None]] = _at_once
    siblings: frozenset[str] = frozenset()
    """Other steps that read the same topic: what is redriven to one of them is not for this one."""


@dataclass(frozen=True, kw_only=True)
class Effect(Generic[W_co]):
    """Up to `in_flight` records at once, each call about one at most `time_limit_s`, once `ready`.

    `ordered` keeps a key's order. Its agent may ask to be asked later, for `parked_max_s` in all.
    """

    name: str
    reads: Topic[W_co]
    runs: Callable[[Received[W_co]], Awaitable[Outputs | NotYet]]
    writes: tuple[Topic[msgspec.Struct], ...]
    in_flight: int
    time_limit_s: float
    ready: Callable[[], Awaitable[None]] = _at_once
    parked_max_s: float = 3600.0
    ordered: bool = False
    siblings: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Rows and the next offset in one transaction of the read model."""

    name: str
    reads: tuple[Topic[msgspec.Struct], ...]
    into: ReadModel
    siblings: frozenset[str] = frozenset()


Step = Pure[msgspec.Struct] | Effect[msgspec.Struct] | Projection
