"""What moved in a clip, measured on small grey pictures. Pure numpy; runs in the decoding process.

The background of each pixel is its median over time. A pixel has changed when it leaves the
background by more than its own usual spread, the clip's noise and a floor, after the light of the
whole picture is evened out. Changed pixels form regions, regions that follow one another form
tracks. A region that looks the same as half a second ago is at rest: it keeps its track alive and
adds nothing to it, so that the hole a parked car leaves behind is not taken for motion.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from connectors.media.motion_regions import HEIGHT, WIDTH, Mask, regions
from connectors.media.track_linking import Trail, linked, track
from schemas.clips import Motion

TRACKS_MAX: Final = 16

_BACKGROUND_FRAMES: Final = 96
_CHANGE_MIN: Final = 12
"""Luma levels of 255; below it, a compressor's own ripple."""
_DEVIATIONS: Final = 5.0
_NORMAL: Final = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""
_REST_S: Final = 0.5
_MAJORITY: Final = 5
_SAMPLES_MIN: Final = 3
"""A background needs a majority."""

Greys = NDArray[np.uint8]
"""Pictures by time: (pictures, HEIGHT, WIDTH)."""
Floats = NDArray[np.float64]
Changes = NDArray[np.int16]


@dataclass(frozen=True)
class Measured:
    """Motion as the world sees it; `activity` is the area in motion per picture, as a share."""

    motion: Motion
    activity: Floats


def measure(pictures: Greys, times_s: Floats) -> Measured:
    """Tracks, brightness and noise of one picture or more, taken at `times_s`, which ascend."""
    changes, spread = _changes(pictures)
    noise, deviation = _noise(changes)
    trails: tuple[Trail, ...] = ()
    if len(pictures) >= _SAMPLES_MIN:
        threshold = np.maximum(_CHANGE_MIN, _DEVIATIONS * np.maximum(deviation, spread))
        trails = _trails(changes, threshold.astype(np.int16), times_s)
    motion = Motion(
        still=len(pictures) == 1,
        measured_s=round(float(times_s[-1] - times_s[0]), 3),
        frames_measured=len(pictures),
        brightness=round(float(pictures.mean()) / 255, 4),
        noise=round(min(noise / 255, 1.0), 4),
        tracks=tuple(track(trail) for trail in trails[:TRACKS_MAX]),
        tracks_dropped=max(0, len(trails) - TRACKS_MAX),
    )
    return Measured(motion, _activity(trails, times_s))


def _changes(pictures: Greys) -> tuple[Changes, Floats]:
    """Each pixel against its background, and by how much it usually differs from it.

    What most pixels of a picture have in common is light, and is taken out.
    """
    picks = np.linspace(0, len(pictures) - 1, min(len(pictures), _BACKGROUND_FRAMES)).astype(
        np.intp
    )
    background = np.median(pictures[picks], axis=0).astype(np.int16)
    changes: Changes = pictures.astype(np.int16) - background
    light = np.median(changes.reshape(len(changes), -1), axis=1).astype(np.int16)
    changes -= light[:, np.newaxis, np.newaxis]
    spread: Floats = np.median(np.abs(changes[picks]), axis=0) * _NORMAL
    return changes, spread


def _noise(changes: Changes) -> tuple[float, float]:
    """Mean difference of neighbouring pictures where nothing moved, and its standard deviation.

    A pixel's median over time belongs to the quiet moments, whatever passes through it.
    """
    if len(changes) < _SAMPLES_MIN:
        return 0.0, 0.0
    count = len(changes) - 1
    picks = np.linspace(1, count, min(count, _BACKGROUND_FRAMES)).astype(np.intp)
    steps = np.abs(changes[picks] - changes[picks - 1])
    quiet = np.median(steps, axis=0)
    still = steps[:, quiet <= np.quantile(quiet, 0.9)]
    usual = still[still <= max(2.0, 4 * float(np.median(still)))]
    mean = float(usual.mean())
    # The mean absolute difference of two normal draws is 2 / sqrt(pi) standard deviations.
    return mean, mean * float(np.sqrt(np.pi)) / 2


def _trails(changes: Changes, threshold: Changes, times_s: Floats) -> tuple[Trail, ...]:
    mask = _majority(np.abs(changes) > threshold)
    lag = _lag(times_s)
    earlier = np.concatenate([changes[lag : 2 * lag], changes[:-lag]])[: len(changes)]
    moving = mask & (np.abs(changes - earlier) > threshold)
    return linked(
        [
            regions(round(float(at_s), 3), changed, live)
            for at_s, changed, live in zip(times_s, mask, moving, strict=True)
        ]
    )


def _lag(times_s: Floats) -> int:
    """How many pictures make half a second."""
    step_s = float(times_s[-1] - times_s[0]) / (len(times_s) - 1)
    wanted = round(_REST_S / step_s) if step_s > 0 else 1
    return min(max(1, wanted), len(times_s) // 2)


def _majority(mask: Mask) -> Mask:
    """Of nine neighbours, five must agree: single pixels are noise."""
    counts = np.zeros(mask.shape, np.uint8)
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    for row in range(3):
        for column in range(3):
            counts += padded[:, row : row + HEIGHT, column : column + WIDTH]
    agreed: Mask = counts >= _MAJORITY
    return agreed


def _activity(trails: tuple[Trail, ...], times_s: Floats) -> Floats:
    moments = {round(float(at_s), 3): i for i, at_s in enumerate(times_s)}
    activity = np.zeros(len(times_s))
    for region in (region for trail in trails for region in trail):
        activity[moments[region.at_s]] += region.area
    return activity
