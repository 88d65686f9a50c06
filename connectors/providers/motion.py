"""Says what the pixels show and nothing else: motion in words. No network, key or weights.

Who moved, it can't know and doesn't guess; what the camera reported stands beside it, as a report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.providers.motion_words import (
    conditions,
    light,
    listed,
    number,
    size,
    visited,
    way,
    when,
)
from schemas.attempts import Answer
from schemas.camera_events import Detection, Sighting
from schemas.cameras import Zone
from schemas.clips import Motion, Track
from schemas.fields import Leaf
from streams.policy import MOTION, labels_of
from streams.providers.ports import AT_HOME, Profile, ProviderError, Question, Reply

MODEL: Final = "motion-1"
_DESCRIPTION_MAX: Final = 400
_TOLD: Final = 2
"""Tracks that the sentence tells of one by one; the rest is counted."""


@dataclass(frozen=True)
class MotionProvider:
    """A pure function behind the port of a provider: the same question has the same answer."""

    name: str = "motion"
    model: str = MODEL
    profile: Profile = AT_HOME

    async def ask(self, question: Question) -> Reply:
        """Raises ProviderError (capability) when nothing was measured."""
        if question.motion is None:
            raise ProviderError(
                "capability", "no motion was measured: there is neither clip nor still"
            )
        return Reply(answer(question, question.motion), self.model)


def answer(question: Question, motion: Motion) -> Answer:
    """What `motion` shows, in the words of the log."""
    zones = question.enriched.camera.zones
    return Answer(
        description=_description(question, motion),
        labels=(MOTION,) if motion.tracks else (),
        detections=tuple(Detection(label=MOTION, box=track.box) for track in motion.tracks),
        details={
            "still": motion.still,
            "brightness": motion.brightness,
            "light": light(motion.brightness),
            "noise": motion.noise,
            "measured_s": motion.measured_s,
            "frames_measured": motion.frames_measured,
            "regions_count": len(motion.tracks) + motion.tracks_dropped,
            "regions": [_region(track, zones) for track in motion.tracks],
        },
    )


def _region(track: Track, zones: Sequence[Zone]) -> dict[str, Leaf]:
    first, last = track.path[0], track.path[-1]
    return {
        "size": size(track),
        "way": way(track),
        "zones": list(visited(track, zones)),
        "from_s": first.at_s,
        "to_s": last.at_s,
        "from": [first.x, first.y],
        "to": [last.x, last.y],
        "area_mean": track.area_mean,
        "area_max": track.area_max,
    }


def _description(question: Question, motion: Motion) -> str:
    if motion.still:
        shown = _still(question, motion)
    elif motion.tracks:
        shown = _moved(motion, question.enriched.camera.zones)
    else:
        looked_at = f"{motion.measured_s:.1f} s of {conditions(motion)} pictures"
        shown = f"No movement was measured in {looked_at}."
    reported = _reported(question)
    room = _DESCRIPTION_MAX - len(reported) - 1
    return f"{shown if len(shown) <= room else shown[: room - 1] + '…'} {reported}"


def _still(question: Question, motion: Motion) -> str:
    frame = question.frames[0] if question.frames else None
    pixels = f" of {frame.width}x{frame.height} pixels" if frame else ""
    return f"One still picture{pixels}, {conditions(motion)}; a still does not show movement."


def _moved(motion: Motion, zones: Sequence[Zone]) -> str:
    count = len(motion.tracks) + motion.tracks_dropped
    if count == 1:
        return f"One {_told(motion.tracks[0], zones)}; the picture was {conditions(motion)}."
    told = "; ".join(f"a {_told(track, zones)}" for track in motion.tracks[:_TOLD])
    return (
        f"{number(count).capitalize()} regions moved: {told}; the picture was {conditions(motion)}."
    )


def _told(track: Track, zones: Sequence[Zone]) -> str:
    through = visited(track, zones)
    where = f" through {listed(through)}" if through else ""
    return f"{size(track)} region {way(track)}{where} {when(track)}"


def _reported(question: Question) -> str:
    event = question.enriched.event
    labels = labels_of(event) if isinstance(event, Sighting) else ()
    return f"The camera reported {listed(labels)}." if labels else "The camera reported no label."
