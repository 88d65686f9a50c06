"""Which moments of a clip are looked at, which are kept, and which become pictures.

Full frames are too large to keep and a second pass costs as much as the first: of every half second
only the frame with most change stays, of longer spans when clips are long or frames large.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from connectors.media.motion_regions import HEIGHT, WIDTH
from connectors.media.motion_tracks import Floats, Greys

_SAMPLE_S: Final = 0.1
"""Time between pictures that are measured: at most ten a second."""
_SAMPLES_MAX: Final = 1200
_KEEP_S: Final = 0.5
_KEEP_BYTES_MAX: Final = 256 * 1024 * 1024
_BASE: Final = 0.15
"""What a quiet moment is worth, against 1 for the moment of most motion."""
_CHANGED: Final = 12


class Samples:
    """Gathers small grey pictures by time, and the frames that may become pictures."""

    def __init__(self) -> None:
        self._greys: list[Greys] = []
        self._times_s: list[float] = []
        self._every_s = _SAMPLE_S
        self._keep_s = _KEEP_S
        self._kept: dict[int, tuple[float, float, VideoFrame]] = {}
        self._small = VideoReformatter()

    def add(self, at_s: float, frame: VideoFrame) -> None:
        """Looks at a frame, unless the last look was a moment ago."""
        if self._times_s and at_s < self._times_s[-1] + self._every_s - 1e-3:
            return
        grey = self._small.reformat(frame, WIDTH, HEIGHT, "gray").to_ndarray().astype(np.uint8)
        change = 0.0
        if self._greys:
            change = float((np.abs(grey.astype(np.int16) - self._greys[-1]) > _CHANGED).mean())
        self._greys.append(grey)
        self._times_s.append(at_s)
        self._keep(at_s, change, frame)
        if len(self._greys) > _SAMPLES_MAX:
            self._greys, self._times_s = self._greys[::2], self._times_s[::2]
            self._every_s *= 2

    def __len__(self) -> int:
        return len(self._greys)

    @property
    def greys(self) -> Greys:
        """All small pictures, by time."""
        return np.stack(self._greys)

    @property
    def times_s(self) -> Floats:
        """When each was taken."""
        return np.array(self._times_s)

    def pictures(self, activity: Floats, count: int) -> tuple[tuple[float, VideoFrame], ...]:
        """At most `count` full frames with their times; `activity` belongs to `times_s`."""
        kept = sorted((at_s, number) for number, (_, at_s, _) in self._kept.items())
        times = [at_s for at_s, _ in kept]
        nearest = [float(activity[np.abs(self.times_s - at_s).argmin()]) for at_s in times]
        picks = chosen(times, nearest, count)
        return tuple((times[i], self._kept[kept[i][1]][2]) for i in picks)

    def _keep(self, at_s: float, change: float, frame: VideoFrame) -> None:
        number = int(at_s / self._keep_s)
        rival = self._kept.get(number)
        if rival is None or change > rival[0]:
            self._kept[number] = (change, at_s, frame)
        size_bytes = frame.width * frame.height * 3 // 2
        while len(self._kept) > 2 and len(self._kept) * size_bytes > _KEEP_BYTES_MAX:  # noqa: PLR2004  # too few to halve
            self._keep_s *= 2
            candidates = sorted(self._kept.values(), key=lambda kept: (kept[0], -kept[1]))
            self._kept = {int(kept[1] / self._keep_s): kept for kept in candidates}


def chosen(times_s: Sequence[float], activity: Sequence[float], count: int) -> tuple[int, ...]:
    """Indices of at most `count` moments, by time: where most moves, and away from one another."""
    if not times_s:
        return ()
    most = max(activity) or 1.0
    worth = [_BASE + share / most for share in activity]
    spacing_s = max((times_s[-1] - times_s[0]) / max(count, 1), 1e-6)
    picks: list[int] = []
    while len(picks) < min(count, len(times_s)):
        others = [times_s[i] for i in picks]
        scores = [
            -1.0 if i in picks else worth[i] * _away(at_s, others, spacing_s)
            for i, at_s in enumerate(times_s)
        ]
        picks.append(scores.index(max(scores)))
    return tuple(sorted(picks))


def _away(at_s: float, others: Sequence[float], spacing_s: float) -> float:
    """1 when the moment is far enough from those already chosen, less when it is near one."""
    nearest = min((abs(at_s - other) for other in others), default=spacing_s)
    return min(nearest / spacing_s, 1.0)


def dhash(frame: VideoFrame) -> str:
    """A difference hash: of 8 rows of 9 grey cells, whether each is brighter than its right one.

    64 bits as 16 hexadecimal digits; alike pictures differ in few bits. Source: Neal Krawetz, "Kind
    of Like That", hackerfactor.com, 2013.
    """
    cells = frame.reformat(9, 8, "gray").to_ndarray()
    bits = np.packbits(cells[:, :-1] > cells[:, 1:])
    return bits.tobytes().hex()
