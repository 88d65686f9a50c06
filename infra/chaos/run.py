"""One run: services, workers and an upstream; faults as planned; quiet; the verdict.

Whatever happens, what was started is stopped: by contexts on the way out, by the kernel when we are
killed.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, NoReturn
from urllib.parse import urlsplit, urlunsplit

from agents.runtime.effect import WAITING_PER_SLOT
from connectors.kafka.clients import Cluster
from infra.chaos.brief import Brief
from infra.chaos.checker import Verdict, check
from infra.chaos.evidence import Sent
from infra.chaos.faults.disks import Disk, NotPermitted, disks
from infra.chaos.faults.inject import Faults, Server, Site
from infra.chaos.faults.proxy import HOST, proxy
from infra.chaos.faults.scripts import SCRIPTS, Stage
from infra.chaos.fleet import fleet
from infra.chaos.gather import Known, gather
from infra.chaos.lags import Lags
from infra.chaos.plan import KINDS, plan
from infra.chaos.upstream import Upstream
from infra.chaos.words import Pictures, Words
from infra.demo.video import make_small
from infra.endpoints import cluster
from infra.prepare import prepare
from infra.services.embedded import Manner, supervised
from infra.services.endpoints import Endpoints
from infra.services.kafka import Detour
from infra.services.record import free_ports
from infra.settings import Settings

Say = Callable[[str], None]

TICK_S: Final = 0.05
LOOK_S: Final = 0.25
RECOVERY_MAX_S: Final = 90.0
DESCRIBE_IN_FLIGHT: Final = 4
PARTITIONS: Final = 6
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked us to stop at once; there is no verdict."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class NotRecovered(Exception):  # noqa: N818  # what happened, in a sentence
    """Everything was healed, and still there was work left after a long time."""


@dataclass(frozen=True)
class Order:
    """What somebody wants: for how long, by which seed, under which group protocol."""

    seconds: float
    seed: int
    protocol: str = "consumer"
    script: str = ""
    """Faults in a fixed order instead (infra/chaos/faults/scripts.py)."""
    control: str = ""
    """What the workers do wrong (infra/chaos/controls.py)."""
    kinds: frozenset[str] = frozenset(kind.name for kind in KINDS)
    """Of faults; those that can't be had here are left out."""


@dataclass
class Result:
    """What came of it; without a verdict, `trouble` says why."""

    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    recoveries_s: list[float] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Those of which no fault is the cause."""
    verdict: Verdict | None = None
    trouble: str = ""

    @property
    def is_good(self) -> bool:
        """Nothing missing, nothing extra, nothing wrong, and no worker died of itself."""
        found = self.verdict is None or self.verdict.findings
        return not (found or self.trouble or self.unexplained)


def run(order: Order, folder: Path | None, say: Say) -> Result:
    """The whole of it. Raises Interrupted, ServicesFailed and what else a person can mend."""
    with ExitStack() as stack:
        stack.enter_context(_interruptible())
        home = folder or Path(stack.enter_context(TemporaryDirectory(prefix="vidette-chaos-")))
        say(f"seed {order.seed}; logs are in {home}")
        kafka_disk, postgres_disk = _disks(stack, home, say)
        listener, kafka_port, postgres_port = free_ports((0, 0, 0))
        manner = Manner(say, Detour(listener, kafka_port), patient=True)
        cache = Settings().cache_folder
        services = stack.enter_context(supervised(home, say, cache_folder=cache, manner=manner))
        found = services.endpoints
        kafka_line = stack.enter_context(proxy(kafka_port, listener))
        database_port = urlsplit(found.database_url).port or 0
        postgres_line = stack.enter_context(proxy(postgres_port, database_port))
        direct = Settings.model_validate(_settings(home, found, order))
        prepare(direct, found, say=lambda _: None)
        spoilt = Endpoints(
            f"{HOST}:{kafka_port}",
            _through(found.database_url, postgres_port),
            _through(found.database_admin_url, postgres_port),
        )
        brief = Brief(
            _settings(home, spoilt, order), str(home / "skew"), str(home / "calls"), order.control
        )
        brief.write(home / "brief.json")
        workers = stack.enter_context(fleet(home / "brief.json", home / "logs", say))
        site = Site(
            workers,
            Server(services.kafka, kafka_line, kafka_disk),
            Server(services.postgres, postgres_line, postgres_disk),
            Path(brief.skew),
        )
        upstream = Upstream(cluster(direct, spoilt), _words(home, order))
        chaos = Chaos(order, site, cluster(direct, found), found, say)
        result = chaos.run(upstream, Path(brief.calls), direct.media)
        if folder and not result.is_good:
            shutil.copytree(home / "kafka", home / "kafka-kept", ignore=_ballast)
        return result


_ballast = shutil.ignore_patterns("ballast", "tmp")


def _disks(stack: ExitStack, home: Path, say: Say) -> tuple[Disk | None, Disk | None]:
    """Of Kafka and of PostgreSQL; where they can't be had, the reason is said."""
    folders = [home.resolve() / "kafka", home.resolve() / "postgres"]
    try:
        kafka, postgres = stack.enter_context(disks(folders))
    except NotPermitted as why:
        say(f"no disk will be full: {why}")
        return None, None
    return kafka, postgres


def _through(url: str, port: int) -> str:
    """The same database by way of another port."""
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    host = place.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{host}:{port}"))


@dataclass
class Chaos:
    """Everything that stands before the first event."""

    order: Order
    site: Site
    kafka: Cluster
    found: Endpoints
    say: Say

    def __post_init__(self) -> None:
        self.result = Result(self.order.seed)
        self.faults = Faults(self.site, self.say)
        self.lags = Lags(self.kafka)

    def run(self, upstream: Upstream, calls: Path, media: Path) -> Result:
        """From the first event to the verdict."""
        self.site.fleet.staff()
        upstream.start()
        try:
            if self.order.script:
                SCRIPTS[self.order.script](Stage(self.faults, self._wait))
            else:
                self._break(upstream)
            upstream.stop()
            self.say("waiting until everything is quiet")
            self._recover(upstream)
        except NotRecovered as why:
            self.result.trouble = str(why)
        self.site.fleet.close()
        self.result.faults = dict(self.faults.done)
        self.result.deaths = self.site.fleet.deaths
        self.result.unexplained = self.site.fleet.unexplained
        lost_max = self.faults.repeating * DESCRIBE_IN_FLIGHT * WAITING_PER_SLOT
        sent = {id_: Sent(**vars(one)) for id_, one in upstream.sent.items()}
        known = Known(sent, calls, lost_max)
        self.say("comparing, id by id")
        seen = asyncio.run(gather(self.kafka, self.found.database_url, media, known))
        self.result.verdict = check(seen)
        return self.result

    def _break(self, upstream: Upstream) -> None:
        ends = time.monotonic() + self.order.seconds
        can = self.faults.kinds & self.order.kinds
        kinds = [kind for kind in KINDS if kind.name in can]
        for fault in plan(self.order.seed, kinds):
            if not self._pause(fault.wait_s, ends):
                return
            self.faults.begin(fault, time.monotonic())
            if fault.precedes_recovery:
                took_s = self._recover(upstream)
                self.result.recoveries_s.append(round(took_s, 2))
                self.say(f"    recovered {took_s:.1f} s after the last fault was over")
                upstream.publish_in_calm()
                self._recover(upstream)
                upstream.resume()

    def _pause(self, seconds: float, ends: float) -> bool:
        """Waits, healing meanwhile; False when the time for breaking things is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tend()
        return until < ends

    def _wait(self, seconds: float) -> None:
        self._pause(seconds, 0)

    def _tend(self) -> None:
        self.faults.heal(time.monotonic())
        self.site.fleet.tend()
        time.sleep(TICK_S)

    def _recover(self, upstream: Upstream) -> float:
        """Returns when nothing is left to do; the seconds since the last fault was over.

        Raises NotRecovered.
        """
        while not (self.faults.are_over and self.site.fleet.is_whole):
            self._tend()
        began = time.monotonic()
        upstream.hold()
        while True:
            lags = self.lags.now()
            if lags is not None and not any(lags.values()):
                return time.monotonic() - began
            if time.monotonic() - began > RECOVERY_MAX_S:
                text = f"not recovered after {RECOVERY_MAX_S:.0f} s; left to do: {lags}"
                raise NotRecovered(text)
            looked = time.monotonic()
            while time.monotonic() < looked + LOOK_S:
                self._tend()


def _settings(home: Path, found: Endpoints, order: Order) -> dict[str, str | int | float]:
    """Of every process of the run, whatever the environment says."""
    return {
        "folder": str(home),
        "kafka_bootstrap_servers": found.bootstrap_servers,
        "kafka_group_protocol": order.protocol,
        "kafka_security_protocol": "PLAINTEXT",
        "namespace": "",
        "topic_partitions": PARTITIONS,
        "topic_replication": 1,
        "database_url": found.database_url,
        "database_admin_url": found.database_admin_url,
        "clip_folders": str(home / "clips"),
        "media_folder": str(home / "media"),
        "describe_in_flight": DESCRIBE_IN_FLIGHT,
        "metrics_port": 0,
        "drain_timeout_s": 10.0,
        "log_level": "info",
    }


def _words(home: Path, order: Order) -> Words:
    clip, still = make_small(home / "clips", order.seed)
    return Words(f"{time.time_ns() // 1_000_000:x}", order.seed, Pictures(clip, still))


@contextmanager
def _interruptible() -> Iterator[None]:
    """The first signal ends the run in order; stopping takes a moment, which no other cuts off."""

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
