"""Regions of successive pictures, linked to tracks: nearest to where the last steps point."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Final

from connectors.media.motion_regions import Region
from schemas.clips import Point, Track

POINTS_MAX: Final = 32

_GAP_S: Final = 1.5
"""How long a region may be out of sight and still be the same one."""
_PREDICTED_S: Final = 0.5
_REACH: Final = 0.1
"""How far, as a share of the picture, a small region may be from where it was expected."""
_MOMENTS_MIN: Final = 3
_LASTS_S_MIN: Final = 0.3
_BRIEF_S: Final = 1.0
_BRIEF_REACH_MIN: Final = 0.08
"""What is over within a second must have gone somewhere: an afterglow, such as the hole behind
something that left, has not.
"""
_OPEN_MAX: Final = 256

Trail = tuple[Region, ...]
"""One region's moments of motion, by time."""


@dataclass
class _Open:
    """A track under construction, moments of rest included."""

    regions: list[Region] = field(default_factory=list)

    def expected(self, at_s: float) -> tuple[float, float]:
        last = self.regions[-1]
        if len(self.regions) == 1:
            return last.x, last.y
        before = self.regions[-2]
        known_s, ahead_s = last.at_s - before.at_s, at_s - last.at_s
        if not 0 < known_s <= _PREDICTED_S or ahead_s > _PREDICTED_S:
            return last.x, last.y
        ahead = ahead_s / known_s
        return last.x + (last.x - before.x) * ahead, last.y + (last.y - before.y) * ahead


def linked(moments: Sequence[Sequence[Region]]) -> tuple[Trail, ...]:
    """Tracks that lasted, the most conspicuous first; `moments` holds each picture's regions."""
    tracks: list[_Open] = []
    ended: list[_Open] = []
    for regions in moments:
        if regions:
            at_s = regions[0].at_s
            ended += [one for one in tracks if at_s - one.regions[-1].at_s > _GAP_S]
            tracks = [one for one in tracks if at_s - one.regions[-1].at_s <= _GAP_S]
            _extend(tracks, regions)
    trails = [tuple(region for region in one.regions if region.live) for one in ended + tracks]
    lasting = [trail for trail in trails if _lasted(trail)]
    return tuple(sorted(lasting, key=_weight))


def _extend(tracks: list[_Open], regions: Sequence[Region]) -> None:
    pairs = sorted(
        (distance, number, i)
        for number, one in enumerate(tracks)
        for i, region in enumerate(regions)
        if (distance := _distance(one, region)) <= _reach(one, region)
    )
    taken: set[int] = set()
    extended: set[int] = set()
    for _, number, i in pairs:
        if number not in extended and i not in taken:
            tracks[number].regions.append(regions[i])
            extended.add(number)
            taken.add(i)
    for i, region in enumerate(regions):
        if i not in taken and region.live and len(tracks) < _OPEN_MAX:
            tracks.append(_Open([region]))


def _distance(one: _Open, region: Region) -> float:
    x, y = one.expected(region.at_s)
    return hypot(region.x - x, region.y - y)


def _reach(one: _Open, region: Region) -> float:
    """Large regions lose and gain parts, so that their middle jumps further."""
    return _REACH + max(_diagonal(one.regions[-1]), _diagonal(region)) / 2


def _diagonal(region: Region) -> float:
    x1, y1, x2, y2 = region.box
    return hypot(x2 - x1, y2 - y1)


def _lasted(trail: Trail) -> bool:
    if len(trail) < _MOMENTS_MIN or trail[-1].at_s - trail[0].at_s < _LASTS_S_MIN:
        return False
    first = trail[0]
    went = max(hypot(region.x - first.x, region.y - first.y) for region in trail)
    return trail[-1].at_s - first.at_s >= _BRIEF_S or went >= _BRIEF_REACH_MIN


def _weight(trail: Trail) -> tuple[float, float]:
    return -sum(region.area for region in trail), trail[0].at_s


def track(trail: Trail) -> Track:
    """The trail as the world sees it, its path thinned to 32 points."""
    steps = min(len(trail), POINTS_MAX)
    picks = [round(i * (len(trail) - 1) / max(steps - 1, 1)) for i in range(steps)]
    largest = max(trail, key=lambda region: region.area)
    return Track(
        path=tuple(
            Point(at_s=trail[i].at_s, x=round(trail[i].x, 4), y=round(trail[i].y, 4)) for i in picks
        ),
        area_mean=round(sum(region.area for region in trail) / len(trail), 5),
        area_max=round(largest.area, 5),
        box=_rounded(largest.box),
    )


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return round(x1, 4), round(y1, 4), round(x2, 4), round(y2, 4)
