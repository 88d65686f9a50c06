"""The upstream of a chaos run: publishes with unique ids, some twice, and remembers everything.

A thread of its own. What it says of a record: *attempted* before it is handed over, *acknowledged*
when the broker's report says so. Some are published again at once, some long afterwards, some
only when everything is quiet.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.clients import LIBRDKAFKA, Cluster
from infra.chaos.words import DIGEST, POISON, Words, poisoned
from schemas.camera_events import CameraEvent
from schemas.inferences import InferenceResult
from streams.lanes import Encoded
from streams.publishing import address, record

DELIVERY_TIMEOUT_MS: Final = 30_000
TICK_S: Final = 0.02
AGAIN_AT_ONCE: Final = 0.05
AGAIN_LATER: Final = 0.05
LATER_S: Final = (5.0, 20.0)
CALM_COPIES: Final = 5
"""Events published once more in each quiet moment; the log must not change by that."""


@dataclass
class Sent:
    """One input by its id; `calm` counts copies sent when everything before was projected."""

    camera_event: bool
    digest: str
    good: bool
    attempts: int = 0
    acknowledged: int = 0
    calm: int = 0


@dataclass(frozen=True)
class Pace:
    """Records a second."""

    camera_events_per_s: float = 5.0
    inferences_per_s: float = 200.0


@dataclass
class Upstream:
    """Publishes from `start` to `stop`, except while it is held."""

    cluster: Cluster
    words: Words
    pace: Pace = Pace()  # frozen
    sent: dict[UUID, Sent] = field(default_factory=dict)
    _copies: deque[tuple[float, UUID, Encoded]] = field(default_factory=deque)
    _single: deque[tuple[UUID, Encoded]] = field(default_factory=lambda: deque(maxlen=200))
    """Camera events of late that were published once only."""

    def __post_init__(self) -> None:
        self._dice = random.Random(self.words.seed)  # noqa: S311  # shall be predictable
        self._producer = self._made()
        self._held, self._stopped = threading.Event(), threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
        self._numbers = {"camera": 0, "inference": 0}

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def hold(self) -> None:
        """Publishes nothing more; returns when every report is in, or the time for it is over."""
        self._held.set()
        while self._thread.is_alive() and not self._idle.wait(TICK_S):
            pass
        self._settle()

    def resume(self) -> None:
        """Goes on."""
        self._held.clear()

    def publish_in_calm(self) -> None:
        """While held, and with nothing left to do anywhere: some events that are long settled."""
        for _ in range(min(CALM_COPIES, len(self._single))):
            id_, encoded = self._single.popleft()
            if self.sent[id_].acknowledged:
                self.sent[id_].calm += 1
                self._produce(id_, encoded)
        self._settle()

    def stop(self) -> None:
        """The last word: every copy that is still due, and every report."""
        self._stopped.set()
        self.resume()
        self._thread.join()
        self._settle()

    def _run(self) -> None:
        owed = {"camera": 0.0, "inference": 0.0}
        before = time.monotonic()
        while not self._stopped.is_set():
            if self._held.is_set():
                self._idle.set()
                time.sleep(TICK_S)
                before = time.monotonic()
                continue
            self._idle.clear()
            now = time.monotonic()
            owed["camera"] += self.pace.camera_events_per_s * (now - before)
            owed["inference"] += self.pace.inferences_per_s * (now - before)
            before = now
            for kind, event in (("camera", self._camera_event), ("inference", self._inference)):
                while owed[kind] >= 1:
                    owed[kind] -= 1
                    self._publish(event())
            self._publish_copies(now)
            self._serve()
        self._publish_copies(float("inf"))

    def _camera_event(self) -> CameraEvent:
        self._numbers["camera"] += 1
        return self.words.camera_event(self._numbers["camera"], datetime.now(UTC))

    def _inference(self) -> InferenceResult:
        self._numbers["inference"] += 1
        return self.words.inference(self._numbers["inference"], datetime.now(UTC))

    def _publish(self, event: CameraEvent | InferenceResult) -> None:
        good = self._dice.random() >= POISON
        encoded = record(event, value=None if good else poisoned(event))
        id_ = address(event).id
        is_camera_event = not isinstance(event, InferenceResult)
        self.sent[id_] = Sent(is_camera_event, str(event.metadata[DIGEST]), good)
        self._produce(id_, encoded)
        chance = self._dice.random()
        if chance < AGAIN_AT_ONCE:
            self._produce(id_, encoded)
        elif chance < AGAIN_AT_ONCE + AGAIN_LATER:
            due = time.monotonic() + self._dice.uniform(*LATER_S)
            self._copies.append((due, id_, encoded))
        elif good and is_camera_event:
            self._single.append((id_, encoded))

    def _publish_copies(self, now: float) -> None:
        for _ in range(len(self._copies)):
            due, id_, encoded = self._copies.popleft()
            if due <= now:
                self._produce(id_, encoded)
            else:
                self._copies.append((due, id_, encoded))

    def _produce(self, id_: UUID, encoded: Encoded) -> None:
        sent = self.sent[id_]
        sent.attempts += 1
        report = _report(sent)
        topic = self.cluster.named(encoded.topic)
        while True:
            try:
                self._producer.produce(
                    topic,
                    encoded.value,
                    encoded.key,
                    headers=list(encoded.headers),
                    on_delivery=report,
                )
            except BufferError:
                self._serve()
            except KafkaException:
                self._producer = self._made()
            else:
                return

    def _serve(self) -> None:
        self._despite_the_end_of_it(lambda: self._producer.poll(TICK_S))

    def _settle(self) -> None:
        self._despite_the_end_of_it(lambda: self._producer.flush(DELIVERY_TIMEOUT_MS / 1000 + 1))

    def _despite_the_end_of_it(self, call: Callable[[], int]) -> None:
        """A producer with a fatal error (its numbers and the broker's parted) raises from any call.

        Another takes its place; what was under way stays unacknowledged.
        """
        try:
            call()
        except KafkaException:
            self._producer = self._made()

    def _made(self) -> Producer:
        settings = self.cluster.confluent() | {
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
            "linger.ms": 5,
        }
        return Producer(settings, logger=LIBRDKAFKA)


def _report(sent: Sent) -> Callable[[KafkaError | None, Message], None]:
    def report(error: KafkaError | None, _: Message) -> None:
        if error is None:
            sent.acknowledged += 1

    return report
