"""Changed pixels of one small picture, joined to regions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 160
HEIGHT: Final = 90

_CELL: Final = 4
"""Side in pixels of the squares that regions are made of; neighbouring squares belong together."""
_ROWS: Final = -(-HEIGHT // _CELL)
_COLUMNS: Final = WIDTH // _CELL
_CELL_PIXELS_MIN: Final = 3
_AREA_PIXELS_MIN: Final = 12
"""Of 14,400: somebody as tall as a tenth of the picture covers about 30."""
_LIVE_SHARE_MIN: Final = 0.04
_EVERYWHERE: Final = 0.6
"""When more of the picture changes at once, light or camera changed, not a thing in view."""

Mask = NDArray[np.bool_]
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A region at one moment; all lengths and areas are shares of the picture.

    `live` is false when it looks as it did half a second ago.
    """

    at_s: float
    x: float
    y: float
    area: float
    box: tuple[float, float, float, float]
    live: bool


def regions(at_s: float, changed: Mask, moving: Mask) -> tuple[Region, ...]:
    """Regions of one picture (HEIGHT, WIDTH) that are large enough to be something."""
    counts = _cells(changed)
    active = counts >= _CELL_PIXELS_MIN
    if not active.any() or active.mean() > _EVERYWHERE:
        return ()
    alive = _cells(moving)
    found = (_region(at_s, changed, counts, cells, alive) for cells in _joined(active))
    return tuple(region for region in found if region is not None)


def _cells(mask: Mask) -> NDArray[np.intp]:
    padded = np.pad(mask, ((0, _ROWS * _CELL - HEIGHT), (0, 0)))
    counts: NDArray[np.intp] = padded.reshape(_ROWS, _CELL, _COLUMNS, _CELL).sum(axis=(1, 3))
    return counts


def _joined(active: Mask) -> Iterator[list[Cell]]:
    """Squares that touch, also by a corner, form one group."""
    waiting = {(int(row), int(column)) for row, column in np.argwhere(active)}
    while waiting:
        group = [waiting.pop()]
        for row, column in group:  # grows while it is walked through
            for near in _neighbours(row, column):
                if near in waiting:
                    waiting.remove(near)
                    group.append(near)
        yield group


def _neighbours(row: int, column: int) -> Iterator[Cell]:
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            yield row + down, column + right


def _region(
    at_s: float, changed: Mask, counts: NDArray[np.intp], cells: list[Cell], alive: NDArray[np.intp]
) -> Region | None:
    rows, columns = np.array(sorted(cells)).T
    weights = counts[rows, columns]
    area = int(weights.sum())
    if area < _AREA_PIXELS_MIN:
        return None
    return Region(
        at_s=at_s,
        x=_middle(columns, weights, WIDTH),
        y=_middle(rows, weights, HEIGHT),
        area=area / (WIDTH * HEIGHT),
        box=_box(changed, rows, columns),
        live=bool(alive[rows, columns].sum() >= _LIVE_SHARE_MIN * area),
    )


def _middle(cells: NDArray[np.intp], weights: NDArray[np.intp], side: int) -> float:
    middle = float(((cells + 0.5) * weights).sum() / weights.sum()) * _CELL / side
    return min(middle, 1.0)


def _box(
    changed: Mask, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[float, float, float, float]:
    """The changed pixels within the group's squares, to the pixel."""
    top, left = int(rows.min()) * _CELL, int(columns.min()) * _CELL
    part = changed[top : (int(rows.max()) + 1) * _CELL, left : (int(columns.max()) + 1) * _CELL]
    down, across = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return (
        (left + int(across[0])) / WIDTH,
        (top + int(down[0])) / HEIGHT,
        (left + int(across[-1]) + 1) / WIDTH,
        (top + int(down[-1]) + 1) / HEIGHT,
    )
