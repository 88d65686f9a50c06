"""A worker of `record_inference` that stops in the middle of a transaction, to be killed there.

It says `MIDDLE` on standard output when its outputs and its offsets are with the broker and only
the commit is missing. `python -m infra.bench.apart.stuck [TRANSACTION-TIMEOUT-MS]`
"""

import sys
import threading
from functools import partial
from typing import Final

from confluent_kafka import Producer

from connectors.kafka.lane import KafkaLane
from infra.endpoints import endpoints
from infra.running import Doors
from infra.settings import Settings
from infra.telemetry import configure
from infra.worker import Make, run

MIDDLE: Final = "in the middle"


class Stuck(Producer):
    """Never commits."""

    def commit_transaction(self, *_: object) -> None:
        """Waits to be killed."""
        self.flush()
        sys.stdout.write(f"{MIDDLE}\n")
        sys.stdout.flush()
        threading.Event().wait()


def main(arguments: list[str]) -> int:
    """Never ends by itself."""

    def producer(settings: dict[str, object], **more: object) -> Producer:
        if arguments:
            settings = settings | {"transaction.timeout.ms": int(arguments[0])}
        return Stuck(settings, **more)

    settings = Settings()
    configure(settings.log_level)
    doors = Doors(lane=partial(KafkaLane, producer=producer))
    return run(settings, endpoints(settings), ("record_inference",), Make(doors=doors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
