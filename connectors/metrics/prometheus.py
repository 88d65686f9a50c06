"""All metrics, in one list; counted per batch, never per event of a batch."""

import collections
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass
class PrometheusMeter:
    """Implements `streams.ports.Meter`; each instance has a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    letters: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    """Dead letters by step and reason."""

    def __post_init__(self) -> None:
        self._received = self._counted(
            "vidette_records_received", "Records taken from the log.", "step"
        )
        self._published = self._counted(
            "vidette_records_published", "Records whose transaction is in the log.", "step", "topic"
        )
        self._dead = self._counted(
            "vidette_records_dead", "Records that became dead letters.", "step", "reason"
        )
        self._repeated = self._counted(
            "vidette_records_repeated",
            "Records passed over: the outcome of their id was in the log already.",
            "step",
        )
        self._seconds = self._timed(
            "vidette_step_seconds",
            "Time spent on a batch (pure, projection) or on one record (effect).",
            "step",
        )
        self._lag = Gauge(
            "vidette_lag_records",
            "Records in the log that the step has not read yet.",
            ["step", "topic", "partition"],
            registry=self.registry,
        )
        self._abandoned = Gauge(
            "vidette_calls_abandoned",
            "Calls of agents that ran out of time and can't be ended.",
            ["step"],
            registry=self.registry,
        )
        self._suspects = Gauge(
            "vidette_suspects",
            "Records that were under way when a worker died, and that are not finished yet.",
            ["step"],
            registry=self.registry,
        )

        self._agreed = self._timed(
            "vidette_provider_state_seconds",
            "From the publication of a provider's state until its worker has read it back.",
        )

    def _counted(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _timed(self, name: str, about: str, *labels: str) -> Histogram:
        return Histogram(name, about, labels, buckets=SECONDS, registry=self.registry)

    def received(self, step: str, records: int) -> None:
        """Records taken from the log."""
        self._received.labels(step).inc(records)

    def published(self, step: str, topic: str, records: int) -> None:
        """Records whose transaction is in the log."""
        self._published.labels(step, topic).inc(records)

    def dead(self, step: str, reason: str) -> None:
        """A dead letter is in the log."""
        self._dead.labels(step, reason).inc()
        self.letters[step, reason] += 1

    def repeated(self, step: str, records: int) -> None:
        """Records passed over."""
        self._repeated.labels(step).inc(records)

    def took(self, step: str, seconds: float) -> None:
        """How long a batch or a record was worked on."""
        self._seconds.labels(step).observe(seconds)

    def lag(self, step: str, topic: str, partition: int, records: int) -> None:
        """Records not read yet."""
        self._lag.labels(step, topic, str(partition)).set(records)

    def abandoned(self, step: str, calls: int) -> None:
        """Calls that go on though nobody waits for them."""
        self._abandoned.labels(step).set(calls)

    def suspects(self, step: str, records: int) -> None:
        """Records with unfinished starts."""
        self._suspects.labels(step).set(records)

    def agreed(self, seconds: float) -> None:
        """A state of a provider was published and read back."""
        self._agreed.observe(seconds)


PORTS_TRIED: Final = 100

Health = Callable[[], tuple[bool, bytes]]
"""Whether all is well, and JSON that says more."""


def serve(registry: CollectorRegistry, first_port: int, health: Health) -> int:
    """Serves `/metrics` and `/health` on loopback, on the first free port from `first_port`.

    Returns the port. Raises OSError when none of 100 ports is free.
    """
    app = _app(registry, health)
    for port in range(first_port, first_port + PORTS_TRIED if first_port else 1):
        try:
            server = make_server("127.0.0.1", port, app, ThreadingWSGIServer, _Silent)
        except OSError:
            continue
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        return int(server.server_port)
    text = f"no free port from {first_port}; set VIDETTE_METRICS_PORT to another one"
    raise OSError(text)


def _app(
    registry: CollectorRegistry, health: Health
) -> "Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]":
    metrics = make_wsgi_app(registry)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            return metrics(environ, start_response)  # type: ignore[no-any-return]  # untyped there
        is_well, body = health()
        status = "200 OK" if is_well else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [body]

    return app


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Requests are no news."""
