"""The simulated site: its cameras, and what happens there. Pure: a seed and a number give an event.

Camera events come from a shuffled deck of twelve happenings, so that any twelve in a row hold one
of each kind: clips of four scenes, a clip that is missing, no picture at all, skips, repeats.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from numpy.random import Generator, default_rng

from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    Detection,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import CameraRegistered, Policy, Zone
from schemas.inferences import InferenceResult
from streams import identity

SOURCE: Final = "demo"
SITE: Final = "Mill Lane 7"
EDGE_MODEL: Final = "edge-detector-1"

CLIP_S: Final = 6.0
REPEAT_EVERY: Final = 200
"""One of so many inference results is published twice."""


@dataclass(frozen=True)
class SiteCamera:
    """A camera of the site; one that is not `registered` sends events all the same."""

    native: str
    name: str
    registered: bool = True
    zones: tuple[Zone, ...] = ()
    policy: Policy = field(default_factory=Policy)

    @property
    def id(self) -> UUID:
        """As every topic and table knows it."""
        return identity.camera_id(SOURCE, self.native)


PATH: Final = Zone(name="path", polygon=((0.3, 0.3), (0.7, 0.3), (0.7, 1.0), (0.3, 1.0)))

CAMERAS: Final = (
    SiteCamera("gate", "Gate", zones=(PATH,)),
    SiteCamera("drive", "Drive"),
    SiteCamera("yard", "Yard"),
    SiteCamera("alley", "Alley"),
    SiteCamera("street", "Street", policy=Policy(labels=("person",))),
    SiteCamera("garage", "garage", registered=False),
)


@dataclass(frozen=True)
class Card:
    """One happening: which camera, what its pictures show, and what is amiss with them."""

    camera: str
    scene: str | None
    """Of the generated videos; None when only the camera's connection changed."""
    label: str | None = None
    clip_missing: bool = False
    no_snapshot: bool = False
    published_twice: bool = False


DECK: Final = (
    Card("gate", "walker", "person"),
    Card("gate", "walker", "person"),
    Card("gate", "walker", "person", published_twice=True),
    Card("gate", "walker", "person", clip_missing=True),
    Card("drive", "vehicle", "vehicle"),
    Card("drive", "vehicle", "vehicle"),
    Card("drive", "vehicle", "vehicle", clip_missing=True, no_snapshot=True),
    Card("yard", "yard"),
    Card("alley", "night"),
    Card("alley", None),
    Card("street", "vehicle", "vehicle", published_twice=True),
    Card("garage", "walker", "person"),
)


@dataclass(frozen=True)
class Happening:
    """A camera event, and how often it is published."""

    event: CameraEvent
    times: int = 1


@dataclass(frozen=True)
class Site:
    """What happens in one run; `run` makes its ids differ from those of every other run."""

    run: str
    seed: int
    videos: Mapping[str, Path]

    def registry(self, moment: datetime) -> Iterator[CameraRegistered]:
        """The registry's word on each camera that it knows."""
        for camera in CAMERAS:
            if camera.registered:
                yield CameraRegistered(
                    camera_id=camera.native,
                    source=SOURCE,
                    timestamp=moment,
                    name=camera.name,
                    site=SITE,
                    zones=camera.zones,
                    policy=camera.policy,
                )

    def happening(self, number: int, moment: datetime) -> Happening:
        """The `number`th camera event, reported at `moment`."""
        card = self._card(number)
        times = 2 if card.published_twice else 1
        if card.scene is None:
            return Happening(self._connection(number, card, moment), times)
        return Happening(self._sighting(number, card, moment), times)

    def inference(self, number: int, moment: datetime) -> tuple[InferenceResult, int]:
        """The `number`th result of the edge model, and how often it is published."""
        dice = default_rng([self.seed, 1, number])
        camera = CAMERAS[int(dice.integers(len(CAMERAS)))]
        found = tuple(_found(dice) for _ in range(int(dice.integers(0, 3))))
        result = InferenceResult(
            result_id=f"{self.run}-{number:08}",
            source=SOURCE,
            camera_id=camera.native,
            timestamp=moment,
            model_id=EDGE_MODEL,
            frame_id=number,
            detections=found,
            confidence=max((one.confidence or 0.0 for one in found), default=None),
        )
        return result, 2 if number % REPEAT_EVERY == REPEAT_EVERY // 2 else 1

    def _card(self, number: int) -> Card:
        deal, place = divmod(number, len(DECK))
        order = default_rng([self.seed, 0, deal]).permutation(len(DECK))
        return DECK[int(order[place])]

    def _sighting(self, number: int, card: Card, moment: datetime) -> CameraEvent:
        gone = self.videos["yard"].with_name("overwritten-by-the-recorder.mp4")
        clip = gone if card.clip_missing else self.videos[f"{card.scene}"]
        snapshot = None if card.no_snapshot else self.videos[f"{card.scene}-snapshot"].as_uri()
        word = SmartDetection if card.label else MotionDetected
        return word(
            event_id=f"{self.run}-{number:06}",
            source=SOURCE,
            camera_id=card.camera,
            timestamp=moment - timedelta(seconds=CLIP_S),
            ended_at=moment,
            labels=(card.label,) if card.label else (),
            clip_url=clip.as_uri(),
            snapshot_url=snapshot,
        )

    def _connection(self, number: int, card: Card, moment: datetime) -> CameraEvent:
        return CameraConnectionChanged(
            event_id=f"{self.run}-{number:06}",
            source=SOURCE,
            camera_id=card.camera,
            timestamp=moment,
            state="offline" if number // len(DECK) % 2 else "online",
        )


def _found(dice: Generator) -> Detection:
    x, y = (round(float(side), 4) for side in dice.uniform(0, 0.8, 2))
    label = ("person", "vehicle", "animal")[int(dice.integers(3))]
    confidence = round(float(dice.uniform(0.4, 1)), 3)
    return Detection(label=label, confidence=confidence, box=(x, y, x + 0.1, y + 0.2))
