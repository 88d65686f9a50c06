"""What is published while things break: camera events and inference results that can be proved.

Each carries text and the text's hash among its own data, so that log and table can be compared with
what was sent. Pure: a number and a moment give the event.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    MotionDetected,
    SmartDetection,
)
from schemas.codec import encode
from schemas.fields import Metadata
from schemas.inferences import InferenceResult

SOURCE: Final = "chaos"
CAMERAS: Final = 11
PAYLOAD: Final = "payload"
DIGEST: Final = "payload_sha256"
PAYLOAD_BYTES_MAX: Final = 600
POISON: Final = 0.02
"""The share of records that no step can process: each must end as a dead letter."""


@dataclass(frozen=True)
class Pictures:
    """What events show: a small clip and a still."""

    clip: Path
    still: Path


@dataclass(frozen=True)
class Words:
    """Of one run; `run` makes its ids differ from those of every other one."""

    run: str
    seed: int
    pictures: Pictures

    def camera_event(self, number: int, moment: datetime) -> CameraEvent:
        """Most show a still, some a clip, some nothing at all."""
        dice = self._dice("camera", number)
        camera = f"camera-{dice.randrange(CAMERAS)}"
        id_ = f"{self.run}-{number}"
        payload = _payload(dice)
        if dice.random() < 0.2:  # noqa: PLR2004  # a share of happenings, and nothing else
            return CameraConnectionChanged(
                event_id=id_,
                source=SOURCE,
                camera_id=camera,
                timestamp=moment,
                state="online",
                metadata=payload,
            )
        word = SmartDetection if dice.random() < 0.5 else MotionDetected  # noqa: PLR2004  # as above
        return word(
            event_id=id_,
            source=SOURCE,
            camera_id=camera,
            timestamp=moment,
            labels=("person",) if word is SmartDetection else (),
            clip_url=str(self.pictures.clip) if dice.random() < 0.3 else None,  # noqa: PLR2004  # as above
            snapshot_url=str(self.pictures.still),
            metadata=payload,
        )

    def inference(self, number: int, moment: datetime) -> InferenceResult:
        """What an edge model found."""
        dice = self._dice("inference", number)
        return InferenceResult(
            result_id=f"{self.run}-{number}",
            source=SOURCE,
            camera_id=f"camera-{dice.randrange(CAMERAS)}",
            timestamp=moment,
            model_id=f"edge-{dice.randrange(3)}",
            frame_id=number,
            metadata=_payload(dice),
        )

    def _dice(self, kind: str, number: int) -> random.Random:
        return random.Random(f"{self.seed}:{kind}:{number}")  # noqa: S311  # shall be predictable


def poisoned(event: CameraEvent | InferenceResult) -> bytes:
    """The same event with a time that is none, which no decoder takes."""
    return msgspec.json.encode(msgspec.json.decode(encode(event)) | {"timestamp": "yesterday"})


def digest_of(metadata: object) -> str:
    """The hash that `metadata` names, if it is its payload's; else what is wrong with it."""
    if not isinstance(metadata, dict):
        return "no metadata"
    payload, named = metadata.get(PAYLOAD), metadata.get(DIGEST)
    if not isinstance(payload, str) or not isinstance(named, str):
        return "no payload"
    return named if sha256(payload.encode()).hexdigest() == named else "payload altered"


def _payload(dice: random.Random) -> Metadata:
    text = dice.randbytes(dice.randrange(PAYLOAD_BYTES_MAX) // 2).hex()
    return {PAYLOAD: text, DIGEST: sha256(text.encode()).hexdigest()}
