"""What was published against what is recorded, id by id. Pure: evidence in, balance out.

An input is *lost* when neither a row nor a dead letter speaks of it, or when its row has no record
in the log. It is *doubled* when it has more than one row, a row as well as a dead letter, or,
published once, more than one record in the log (a repeat may be recorded twice there,
under its one id: docs/decisions/0003-exactly-once.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from streams import identity

OUTCOMES = ("described", "degraded", "undescribed", "skipped")


class Sent(NamedTuple):
    """One input as it was published: the event's own time, our clock's, and how often."""

    camera_id: UUID
    timestamp: datetime
    at: datetime
    times: int = 1


@dataclass
class Ledger:
    """Every distinct input that was published, by its id, and those without a row so far."""

    camera_events: dict[UUID, Sent] = field(default_factory=dict)
    inferences: dict[UUID, Sent] = field(default_factory=dict)
    outstanding: dict[UUID, Sent] = field(default_factory=dict)

    def camera_event(self, id_: UUID, sent: Sent) -> None:
        """A camera event is on its way."""
        self.camera_events[id_] = self.outstanding[id_] = sent

    def inference(self, id_: UUID, sent: Sent) -> None:
        """An inference result is on its way."""
        self.inferences[id_] = self.outstanding[id_] = sent

    def settle(self, id_: UUID) -> Sent | None:
        """The input is recorded, or a dead letter; None when it was that before, or isn't ours."""
        return self.outstanding.pop(id_, None)

    def span(self, *, whole: bool) -> tuple[datetime, datetime] | None:
        """First and last event time of all inputs, or of those outstanding; None without any."""
        some = (self.camera_events, self.inferences) if whole else (self.outstanding,)
        moments = [sent.timestamp for inputs in some for sent in inputs.values()]
        return (min(moments), max(moments)) if moments else None


class Row(NamedTuple):
    """What a row of `ai_events` says of its input; `recorded_at` is the log's time."""

    id: UUID
    event_id: UUID
    camera_id: UUID
    outcome: str
    provider: str | None
    recorded_at: datetime


@dataclass
class Logged:
    """How often each id came in the log: outcomes, inferences and dead letters."""

    outcomes: Counter[UUID] = field(default_factory=Counter)
    inferences: Counter[UUID] = field(default_factory=Counter)
    letters: Counter[UUID] = field(default_factory=Counter)
    """By the id of the record that died: of the event itself, its clip or its outcome."""


@dataclass(frozen=True)
class Balance:
    """The result of a comparison; `outcomes` counts camera events, `recorded` inference results."""

    camera_events: int
    inference_results: int
    outcomes: Mapping[str, int]
    dead_lettered: int
    recorded: int
    inferences_dead: int
    lost: tuple[UUID, ...]
    duplicated: tuple[UUID, ...]
    by_provider: Mapping[str, int]
    latencies_ms: Sequence[float]

    @property
    def is_even(self) -> bool:
        """Nothing lost, nothing doubled."""
        return not self.lost and not self.duplicated

    def latency_ms(self, share: float) -> float | None:
        """From a camera event's publication to its outcome in the log: the quantile `share`."""
        if not self.latencies_ms:
            return None
        ordered = sorted(self.latencies_ms)
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)

    def facts(self, seconds: float) -> dict[str, object]:
        """As `--json` prints it; `seconds` is the whole run's."""
        return {
            "camera_events": self.camera_events,
            **{outcome: self.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            "dead_lettered": self.dead_lettered,
            "inference_results": self.inference_results,
            "recorded": self.recorded,
            "inferences_dead_lettered": self.inferences_dead,
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "seconds": round(seconds, 1),
            "by_provider": dict(self.by_provider),
            "latency_ms_p50": self.latency_ms(0.5),
            "latency_ms_p95": self.latency_ms(0.95),
        }


@dataclass(frozen=True)
class Fate:
    """All that is known of one input."""

    sent: Sent
    rows: Sequence[Row]
    records: int
    letters: int

    @property
    def is_dead(self) -> bool:
        """It ended as a dead letter."""
        return bool(self.letters) and not self.rows

    @property
    def is_lost(self) -> bool:
        """Nothing speaks of it, or the read model knows what the log does not."""
        return not self.letters and not (self.rows and self.records)

    @property
    def is_doubled(self) -> bool:
        """It ended more than once."""
        both = bool(self.rows) and bool(self.letters)
        repeated = self.sent.times == 1 and max(self.records, self.letters) > 1
        return len(self.rows) > 1 or both or repeated


def compare(ledger: Ledger, rows: Iterable[Row], logged: Logged) -> Balance:
    """What became of every input of the ledger; rows and records of others are passed over."""
    ours: dict[UUID, list[Row]] = {}
    for row in rows:
        if row.event_id in ledger.camera_events or row.event_id in ledger.inferences:
            ours.setdefault(row.event_id, []).append(row)
    events = {id_: _event(id_, sent, ours, logged) for id_, sent in ledger.camera_events.items()}
    results = {id_: _result(id_, sent, ours, logged) for id_, sent in ledger.inferences.items()}
    answered = [fate for fate in events.values() if fate.rows]
    both = [*events.items(), *results.items()]
    return Balance(
        camera_events=len(events),
        inference_results=len(results),
        outcomes=Counter(fate.rows[0].outcome for fate in answered),
        dead_lettered=sum(fate.is_dead for fate in events.values()),
        recorded=sum(bool(fate.rows) for fate in results.values()),
        inferences_dead=sum(fate.is_dead for fate in results.values()),
        lost=tuple(id_ for id_, fate in both if fate.is_lost),
        duplicated=tuple(id_ for id_, fate in both if fate.is_doubled),
        by_provider=Counter(p for fate in answered if (p := fate.rows[0].provider)),
        latencies_ms=[_latency_ms(fate) for fate in answered],
    )


def carriers(event_id: UUID) -> tuple[UUID, UUID, UUID]:
    """Ids of the records that carry a camera event along; any of them may become a letter."""
    return event_id, identity.follows(event_id, "clip"), identity.outcome_id(event_id)


def _event(id_: UUID, sent: Sent, ours: Mapping[UUID, list[Row]], logged: Logged) -> Fate:
    letters = sum(logged.letters[carrier] for carrier in carriers(id_))
    return Fate(sent, ours.get(id_, ()), logged.outcomes[identity.outcome_id(id_)], letters)


def _result(id_: UUID, sent: Sent, ours: Mapping[UUID, list[Row]], logged: Logged) -> Fate:
    return Fate(sent, ours.get(id_, ()), logged.inferences[id_], logged.letters[id_])


def _latency_ms(fate: Fate) -> float:
    return (fate.rows[0].recorded_at - fate.sent.at).total_seconds() * 1000
