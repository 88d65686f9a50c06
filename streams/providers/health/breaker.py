"""The breaker of one provider: a literal table of transitions over states and events.

Open after 5 calls in a row without a sign of life, or half of the last 20; after 60 s whoever's
claim is first in the log tries once (half open), and closes it or opens it again. What is counted
is each worker's own; transitions are everybody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from schemas.providers import BreakerChanged, BreakerState, Why
from streams.providers.ports import ProviderError, Reply
from streams.providers.reactions import REACTIONS

Event = Literal[
    "asked",  # somebody wants to call, and nobody's time has come
    "due",  # likewise, after the pause of an open breaker, or the end of a claim
    "spoke",  # a call got an answer, or an error that shows that somebody is there
    "silent",  # it got neither
    "silent_too_often",  # likewise, and that made too many
    "probe_spoke",  # the call of the worker whose claim stands
    "probe_silent",
]
Effect = Literal["nothing", "admit", "refuse_open", "refuse_taken", "claim", "count", "publish"]


@dataclass(frozen=True)
class Next:
    """Where an event leads, and what is done about it."""

    state: BreakerState
    effect: Effect = "nothing"


TABLE: Final[Mapping[tuple[BreakerState, Event], Next]] = {
    ("closed", "asked"): Next("closed", "admit"),
    ("closed", "due"): Next("closed", "admit"),
    ("closed", "spoke"): Next("closed", "count"),
    ("closed", "silent"): Next("closed", "count"),
    ("closed", "silent_too_often"): Next("open", "publish"),
    ("closed", "probe_spoke"): Next("closed"),
    ("closed", "probe_silent"): Next("closed"),
    ("open", "asked"): Next("open", "refuse_open"),
    ("open", "due"): Next("half_open", "claim"),
    ("open", "spoke"): Next("open"),  # a call from before: the pause is for everybody
    ("open", "silent"): Next("open"),
    ("open", "silent_too_often"): Next("open"),
    ("open", "probe_spoke"): Next("open"),
    ("open", "probe_silent"): Next("open"),
    ("half_open", "asked"): Next("half_open", "refuse_taken"),
    ("half_open", "due"): Next("half_open", "claim"),
    ("half_open", "spoke"): Next("half_open"),
    ("half_open", "silent"): Next("half_open"),
    ("half_open", "silent_too_often"): Next("half_open"),
    ("half_open", "probe_spoke"): Next("closed", "publish"),
    ("half_open", "probe_silent"): Next("open", "publish"),
}

IN_A_ROW_MAX: Final = 5
LAST: Final = 20
OPEN_S: Final = 60.0


@dataclass(frozen=True)
class By:
    """Whose transition it is, and how long a claim of its lasts."""

    worker: str
    claim_s: float


@dataclass(frozen=True)
class Tally:
    """What one worker heard of a provider since its breaker last changed."""

    in_a_row: int = 0
    last: tuple[bool, ...] = ()
    """Of the last calls, whether they were silent."""

    def counted(self, *, silent: bool) -> "Tally":
        """With one call more."""
        return Tally(self.in_a_row + 1 if silent else 0, (*self.last, silent)[-LAST:])

    @property
    def too_often(self) -> bool:
        """Whether it is time to open."""
        return self.in_a_row >= IN_A_ROW_MAX or sum(self.last) * 2 >= LAST


def is_silent(result: Reply | ProviderError) -> bool:
    """Whether a call ended without a sign that somebody is there."""
    return isinstance(result, ProviderError) and REACTIONS[result.error_class].breaker_counts


def asked(record: BreakerChanged | None, now: datetime) -> Event:
    """What it is to the breaker that somebody wants to call now."""
    until = record.until if record else None
    return "due" if until is not None and until <= now else "asked"


def ended(record: BreakerChanged | None, tally: Tally, worker: str, *, silent: bool) -> Event:
    """What the end of a worker's call is to the breaker; `tally` counts that call."""
    if record and record.state == "half_open" and record.worker == worker:
        return "probe_silent" if silent else "probe_spoke"
    if not silent:
        return "spoke"
    return "silent_too_often" if tally.too_often else "silent"


def again(lost: BreakerChanged, record: BreakerChanged | None, worker: str) -> Event | None:
    """What a transition that was not the first in the log still is to the breaker that holds."""
    if lost.state == "half_open":
        return None
    if record and record.state == "half_open" and record.worker == worker:
        return "probe_spoke" if lost.state == "closed" else "probe_silent"
    return "silent_too_often" if lost.state == "open" else None


def changed(provider: str, state: BreakerState, why: Why, now: datetime, by: By) -> BreakerChanged:
    """The state that begins now; its version and id are still open."""
    pause_s = {"closed": None, "open": OPEN_S, "half_open": by.claim_s}[state]
    return BreakerChanged(
        id=UUID(int=0),
        timestamp=now,
        correlation_id=provider,
        provider=provider,
        worker=by.worker,
        version=0,
        state=state,
        until=None if pause_s is None else now + timedelta(seconds=pause_s),
        why=why,
    )
