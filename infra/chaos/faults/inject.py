"""Breaks things as the plan says, and heals them when their time is over."""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from infra.chaos.faults import lines, servers, workers
from infra.chaos.faults.disks import Disk
from infra.chaos.faults.proxy import Proxy
from infra.chaos.faults.workers import Broken, Heal
from infra.chaos.fleet import Fleet
from infra.chaos.plan import Fault
from infra.services.watch import Watch


@dataclass(frozen=True)
class Server:
    """Kafka or PostgreSQL: its watch, the line to it, its disk where mounting is permitted."""

    watch: Watch
    line: Proxy
    disk: Disk | None


@dataclass(frozen=True)
class Site:
    """What can be broken."""

    fleet: Fleet
    kafka: Server
    postgres: Server
    skew: Path


Break = Callable[[Fault], Broken]


def breakers(site: Site) -> Mapping[str, Break]:
    """What breaks things, by kind; kinds that can't be had here are left out."""
    of_workers = {
        "worker_kill": workers.kill,
        "worker_term": workers.term,
        "worker_freeze": workers.freeze,
        "worker_freeze_long": workers.freeze,
        "worker_add": workers.add,
        "worker_remove": workers.remove,
    }
    found: dict[str, Break] = {k: partial(call, site.fleet) for k, call in of_workers.items()}
    found["clock_skew"] = partial(workers.skew, site.skew)
    for name, server in (("kafka", site.kafka), ("postgres", site.postgres)):
        found |= {f"{name}_{kind}": call for kind, call in _of(server).items()}
    family = partial(servers.kill, site.postgres.watch, family=True)
    return found | {"postgres_kill_all": lambda _: family()}


def _of(server: Server) -> dict[str, Break]:
    watch, line, disk = server.watch, server.line, server.disk
    found: dict[str, Break] = {
        "kill": lambda _: servers.kill(watch),
        "term": lambda _: servers.term(watch),
        "freeze": lambda _: servers.freeze(watch, family=True),
        "delay": partial(lines.delay, line),
        "hold": partial(lines.hold, line),
        "deaf": partial(lines.deaf, line),
        "slices": partial(lines.slices, line),
        "reset": partial(lines.reset, line),
        "refuse": partial(lines.refuse, line),
    }
    return found | ({"disk_full": lambda _: servers.fill(disk)} if disk else {})


@dataclass
class Faults:
    """Faults of one run; `now` is the caller's clock, in seconds."""

    site: Site
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    """By kind."""
    repeating: int = 0
    """Faults that may have made calls of a provider void, once for each worker of `describe`."""
    _healing: list[tuple[float, int, str, Heal]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self._breakers = breakers(self.site)

    @property
    def kinds(self) -> frozenset[str]:
        """What can be broken here."""
        return frozenset(self._breakers)

    def begin(self, fault: Fault, now: float) -> None:
        """Breaks something. A fault for which there is no target now is told of, not counted."""
        name = fault.kind.name
        target, heal = self._breakers[name](fault)
        if not target:
            self.say(f"{fault.number:3} {name}: there is nothing to break")
            return
        lasts = f", for {fault.lasts_s:.1f} s" if heal else ""
        self.say(f"{fault.number:3} {name}: {target}{lasts}")
        self.note(name, repeats=fault.kind.repeats)
        if heal:
            heapq.heappush(self._healing, (now + fault.lasts_s, next(self._order), name, heal))

    def note(self, name: str, *, repeats: bool = False) -> None:
        """Something was broken, here or by a script."""
        self.done[name] += 1
        if repeats:
            self.repeating += len(self.site.fleet.of("describe"))

    def heal(self, now: float) -> None:
        """Ends the faults whose time is over."""
        while self._healing and self._healing[0][0] <= now:
            _, _, name, heal = heapq.heappop(self._healing)
            heal()
            self.say(f"    {name} is over")

    @property
    def are_over(self) -> bool:
        """Whether everything is healed that needs healing."""
        return not self._healing
