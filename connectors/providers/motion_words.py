"""Measured motion in plain English: sizes, ways, places, light. Shares in, words out."""

from collections.abc import Sequence
from math import hypot
from typing import Final

from schemas.cameras import Zone
from schemas.clips import Motion, Point, Track

_LIGHT: Final = ((0.05, "very dark"), (0.15, "dark"), (0.3, "dim"), (0.8, "well lit"))
_SIZES: Final = ((0.01, "small"), (0.04, "medium"))
_NOISY: Final = 0.005
_STAYED: Final = 0.1
"""A way shorter than this share of the picture is no way."""
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LISTED_MAX: Final = 4
_WORD_MAX: Final = 40


def light(brightness: float) -> str:
    """How bright the picture is."""
    return next((word for below, word in _LIGHT if brightness < below), "very bright")


def conditions(motion: Motion) -> str:
    """Light and noise, in front of a noun: `dark and noisy`."""
    return light(motion.brightness) + (" and noisy" if motion.noise > _NOISY else "")


def size(track: Track) -> str:
    """By the share of the picture that the region covers on average."""
    return next((word for below, word in _SIZES if track.area_mean < below), "large")


def way(track: Track) -> str:
    """Where it went, as the end of a sentence: `moved from left to right`."""
    first, last = track.path[0], track.path[-1]
    right, down = last.x - first.x, last.y - first.y
    if hypot(right, down) >= _STAYED:
        return f"moved {_direction(right, down)}"
    reach = max(hypot(point.x - first.x, point.y - first.y) for point in track.path)
    verb = "stayed around" if reach < _STAYED else "moved back and forth around"
    return f"{verb} the {place(_middle(track.path))}"


def _direction(right: float, down: float) -> str:
    across = "from left to right" if right > 0 else "from right to left"
    along = "bottom" if down > 0 else "top"
    if abs(right) >= 2 * abs(down):
        return across
    if abs(down) >= 2 * abs(right):
        return f"towards the {along}"
    return f"towards the {along} {'right' if right > 0 else 'left'}"


def place(point: tuple[float, float]) -> str:
    """One of nine parts of the picture."""
    x, y = point
    column = ("left", "", "right")[min(int(x * 3), 2)]
    row = ("top", "", "bottom")[min(int(y * 3), 2)]
    return f"{row} {column}".strip() or "centre"


def _middle(path: Sequence[Point]) -> tuple[float, float]:
    return sum(point.x for point in path) / len(path), sum(point.y for point in path) / len(path)


def visited(track: Track, zones: Sequence[Zone]) -> tuple[str, ...]:
    """The zones that the path of a region's middle led through."""
    return tuple(
        zone.name
        for zone in zones
        if any(inside(zone.polygon, point.x, point.y) for point in track.path)
    )


def inside(polygon: Sequence[tuple[float, float]], x: float, y: float) -> bool:
    """Whether a ray to the right crosses the outline an odd number of times (even-odd rule)."""
    crossed = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            crossed = not crossed
    return crossed


def when(track: Track) -> str:
    """The seconds of the clip in which it moved."""
    return f"from {track.path[0].at_s:.1f} s to {track.path[-1].at_s:.1f} s"


def number(count: int) -> str:
    """One to nine in words."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`; few and short, whatever others named their things."""
    shown = [word if len(word) <= _WORD_MAX else f"{word[: _WORD_MAX - 1]}…" for word in words]
    if len(shown) > _LISTED_MAX:
        shown = [*shown[: _LISTED_MAX - 1], f"{len(shown) - _LISTED_MAX + 1} more"]
    *most, last = shown
    return f"{', '.join(most)} and {last}" if most else last
