"""All metrics, in one list; counted per batch, never per event of a batch."""

from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass
class PrometheusMeter:
    """Implements `streams.ports.Meter`; each instance has a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._received = Counter(
            "vidette_records_received",
            "Records taken from the log.",
            ["step"],
            registry=self.registry,
        )
        self._published = Counter(
            "vidette_records_published",
            "Records whose transaction is in the log.",
            ["step", "topic"],
            registry=self.registry,
        )
        self._dead = Counter(
            "vidette_records_dead",
            "Records that became dead letters.",
            ["step", "reason"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "vidette_step_seconds",
            "Time spent on a batch (pure, projection) or on one record (effect).",
            ["step"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "vidette_lag_records",
            "Records in the log that the step has not read yet.",
            ["step", "topic", "partition"],
            registry=self.registry,
        )

    def received(self, step: str, records: int) -> None:
        """Records taken from the log."""
        self._received.labels(step).inc(records)

    def published(self, step: str, topic: str, records: int) -> None:
        """Records whose transaction is in the log."""
        self._published.labels(step, topic).inc(records)

    def dead(self, step: str, reason: str) -> None:
        """A record became a dead letter."""
        self._dead.labels(step, reason).inc()

    def took(self, step: str, seconds: float) -> None:
        """How long a batch or a record was worked on."""
        self._seconds.labels(step).observe(seconds)

    def lag(self, step: str, topic: str, partition: int, records: int) -> None:
        """Records not read yet."""
        self._lag.labels(step, topic, str(partition)).set(records)


PORTS_TRIED: Final = 100


def serve(registry: CollectorRegistry, first_port: int) -> int:
    """Serves `/metrics` on loopback, on the first free port from `first_port`; returns the port.

    Raises OSError when none of 100 ports is free.
    """
    for port in range(first_port, first_port + PORTS_TRIED if first_port else 1):
        try:
            server, _ = start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError:
            continue
        return int(server.server_port)
    text = f"no free port from {first_port}; set VIDETTE_METRICS_PORT to another one"
    raise OSError(text)
