"""What comes from outside in a history: events, repeats, late copies, poison, registrations."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypedDict

from connectors.memory.log import MemoryLog
from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import CameraRegistered, Policy
from schemas.inferences import InferenceResult
from streams import dead_letters
from streams.lanes import Encoded
from streams.poison.redriving import redrive
from streams.publishing import record
from streams.topics import CAMERA_EVENTS, DEAD_LETTERS, INFERENCE_RESULTS
from tests.simulation.surroundings import POISON
from tests.simulation.virtual import START

CAMERAS: Final = ("gate", "yard", "hall")
BAD_BYTES: Final = (
    b"",
    b"{",
    b"\xff\xfe",
    b'{"type":"nonsense"}',
    b'{"type":"motion-detected"}',
    None,
)


class Said(TypedDict):
    """What every camera event says."""

    event_id: str
    source: str
    camera_id: str
    timestamp: datetime


@dataclass
class Upstream:
    """Publishes at random, and remembers what it published."""

    chance: random.Random
    log: MemoryLog
    sent: list[Encoded] = field(default_factory=list)
    _count: int = 0

    def publish(self) -> None:
        """One record more, of some kind."""
        kind = self.chance.random()
        if kind < 0.55:
            self._send(record(self._event()))
        elif kind < 0.7:
            self._send(record(self._result()))
        elif kind < 0.85 and self.sent:
            self._send(self.chance.choice(self.sent[-4:]))
        elif kind < 0.93:
            self._nonsense()
        else:
            self.log.append(record(self._registration()))

    def in_vain(self) -> None:
        """An upstream's transaction that is aborted in the end: nothing of it ever happened."""
        producer = self.log.initialise(f"upstream-{self.chance.randrange(2)}")
        self.log.produce(producer, [record(self._event()) for _ in range(2)])
        if self.chance.random() < 0.5:
            self.log.finish(producer, commit=False)

    def redrive(self) -> None:
        """Another chance for one dead letter, as the command gives it."""
        records = self.log.of(DEAD_LETTERS.name)
        letters = [one for one in dead_letters.fold(records) if not one.redriven]
        if letters:
            letter = self.chance.choice(letters)
            source = self.log.read(letter.place, letter.offset, 1)[0]
            producer = self.log.initialise("redrive")
            self.log.produce(producer, redrive(letter, source, source.value))
            self.log.finish(producer, commit=True)

    def _send(self, what: Encoded) -> None:
        self.sent.append(what)
        self.log.append(what)

    def _nonsense(self) -> None:
        topic = self.chance.choice((CAMERA_EVENTS.name, INFERENCE_RESULTS.name))
        key = self.chance.choice(CAMERAS).encode()
        self.log.append(Encoded(topic, key, self.chance.choice(BAD_BYTES), ()))

    def _event(self) -> CameraEvent:
        self._count += 1
        chance = self.chance
        fate = chance.choices(("fine", "gone", POISON, "none"), (8, 1, 1, 1))[0]
        said: Said = {
            "event_id": f"{fate}-{self._count}",
            "source": "sim",
            "camera_id": chance.choice(CAMERAS),
            "timestamp": START + timedelta(seconds=self._count),
        }
        if chance.random() < 0.1:
            return CameraConnectionChanged(**said, state="offline")
        clip = f"sim://{fate}/{self._count}" if fate != "none" else None
        still = f"sim://fine/still-{self._count}" if chance.random() < 0.3 else None
        if chance.random() < 0.5:
            return MotionDetected(**said, clip_url=clip, snapshot_url=still)
        labels = (chance.choice(("person", "cat")),)
        return SmartDetection(**said, labels=labels, clip_url=clip, snapshot_url=still)

    def _result(self) -> InferenceResult:
        self._count += 1
        return InferenceResult(
            result_id=f"result-{self._count}",
            source="sim",
            camera_id=self.chance.choice(CAMERAS),
            timestamp=START + timedelta(seconds=self._count),
            model_id=self.chance.choice(("m1", "m2")),
            frame_id=self._count,
        )

    def _registration(self) -> CameraRegistered:
        chance = self.chance
        return CameraRegistered(
            camera_id=chance.choice(CAMERAS),
            source="sim",
            timestamp=START,
            name="some camera",
            policy=Policy(
                describe=chance.random() < 0.9,
                labels=None if chance.random() < 0.7 else ("person",),
            ),
            removed=chance.random() < 0.1,
        )
