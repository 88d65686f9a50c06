"""A bench is two runs on the same data, ours and a plain one; they are measured in turns.

The speed of a machine moves from minute to minute, so only figures of one run are compared: the
ratio is the median of the rounds' ratios. A warm-up comes first and does not count.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Final

Say = Callable[[str], None]

MICRO: Final = 1e6


@dataclass(frozen=True)
class Run:
    """What one run came to; `figure` is in the bench's unit, mostly events per second."""

    figure: float
    events: int
    cpu_us_per_event: float = 0.0
    """Of the processes under test, without broker and database."""
    latencies_ms: Sequence[float] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    """What else this bench measures, by a name that ends in its unit."""


def timed(events: int, seconds: float, cpu_s: float, latencies_ms: Sequence[float] = ()) -> Run:
    """A run that did so many events in this time."""
    return Run(events / seconds, events, cpu_s / events * MICRO, latencies_ms)


@dataclass(frozen=True)
class Bench:
    """The two runs, each of them complete: it starts, works on all the data, and ends."""

    ours: Callable[[], Run]
    raw: Callable[[], Run]
    unit: str = "events/s"


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some rounds."""

    median: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Result:
    """What a bench came to."""

    name: str
    unit: str
    ours: Sequence[Run]
    raw: Sequence[Run]
    served_us_per_event: Mapping[str, float] = field(default_factory=dict)
    """Microseconds of CPU that the broker and the database spent on ours."""

    @property
    def ratio(self) -> float:
        """Median over the rounds of ours by raw."""
        return median(o.figure / r.figure for o, r in zip(self.ours, self.raw, strict=True))

    def facts(self) -> dict[str, object]:
        """For a program: one flat object."""
        ours, raw = spread(r.figure for r in self.ours), spread(r.figure for r in self.raw)
        found: dict[str, object] = {
            "bench": self.name,
            "unit": self.unit,
            "ours": round(ours.median, 3),
            "ours_min": round(ours.least, 3),
            "ours_max": round(ours.greatest, 3),
            "raw": round(raw.median, 3),
            "raw_min": round(raw.least, 3),
            "raw_max": round(raw.greatest, 3),
            "ratio": round(self.ratio, 3),
            "rounds": len(self.ours),
            "cpu_us_per_event": round(median(run.cpu_us_per_event for run in self.ours), 2),
            "raw_cpu_us_per_event": round(median(run.cpu_us_per_event for run in self.raw), 2),
        }
        for name, spent_us in self.served_us_per_event.items():
            found[f"{name}_us_per_event"] = round(spent_us, 2)
        latencies = sorted(ms for run in self.ours for ms in run.latencies_ms)
        if latencies:
            found["p50_ms"] = round(percentile(latencies, 50), 2)
            found["p99_ms"] = round(percentile(latencies, 99), 2)
        for name in self.ours[0].facts:
            found[name] = round(median(run.facts[name] for run in self.ours), 3)
        for name in self.raw[0].facts:
            found[f"raw_{name}"] = round(median(run.facts[name] for run in self.raw), 3)
        return found


def measure(
    name: str,
    bench: Bench,
    *,
    rounds: int,
    say: Say,
    served_s: Callable[[], Mapping[str, float]] = dict,
) -> Result:
    """Ours, raw, ours, raw … after a warm-up of each.

    `served_s` says how many seconds of CPU the broker and the database have had up to now.
    """
    say("warm-up")
    bench.ours()
    bench.raw()
    ours: list[Run] = []
    raw: list[Run] = []
    served: list[Mapping[str, float]] = []
    for number in range(1, rounds + 1):
        before = served_s()
        ours.append(bench.ours())
        after = served_s()
        micro = MICRO / ours[-1].events
        served.append({name: (after[name] - before[name]) * micro for name in after})
        raw.append(bench.raw())
        ratio = ours[-1].figure / raw[-1].figure
        figures = f"ours {ours[-1].figure:,.4g}, raw {raw[-1].figure:,.4g} {bench.unit}"
        say(f"round {number} of {rounds}: {figures}, ratio {ratio:.2f}")
    means = {n: fmean(one[n] for one in served) for n in served[0]}
    return Result(name, bench.unit, ours, raw, means)


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    found = sorted(values)
    return Spread(median(found), found[0], found[-1])


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]
