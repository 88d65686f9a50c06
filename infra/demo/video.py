"""Generated clips of the demo's cameras: drawn by numpy, encoded by PyAV, the same for a seed.

Nobody is filmed: shapes move as people and vehicles do, and more the demo's provider can't see.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import islice
from math import sin
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

WIDTH: Final = 640
HEIGHT: Final = 360
FRAMES_PER_S: Final = 10

Image = NDArray[np.uint8]
Scene = Callable[[Generator], Iterator[Image]]


def make_clips(folder: Path, seed: int) -> Mapping[str, Path]:
    """Clips (MP4) and snapshots (JPEG) by name, made in `folder` unless they are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for number, (name, scene) in enumerate(SCENES.items()):
        paths[name] = folder / f"{name}-{seed}.mp4"
        snapshot = paths[f"{name}-snapshot"] = folder / f"{name}-{seed}.jpg"
        if not (paths[name].exists() and snapshot.exists()):
            images = list(scene(np.random.default_rng([seed, number])))
            _write(paths[name], partial(_encode, images))
            _write(snapshot, partial(_snapshot, images[len(images) // 2]))
    return paths


def make_small(folder: Path, seed: int) -> tuple[Path, Path]:
    """A clip of one second (MP4) and a still (JPEG), made in a moment and decoded in one."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, still = folder / f"small-{seed}.mp4", folder / f"small-{seed}.jpg"
    images = list(islice(walker(np.random.default_rng([seed])), FRAMES_PER_S))
    _write(clip, partial(_encode, images))
    _write(still, partial(_snapshot, images[0]))
    return clip, still


def walker(random: Generator) -> Iterator[Image]:
    """Somebody walks through the yard from left to right, bobbing with each step."""
    yard, count = _yard(random), 75
    for i in range(count):
        image = _lit(yard, random, i)
        x = int(-30 + (WIDTH + 60) * i / (count - 1))
        y = 190 + round(4 * sin(i * 1.3))
        _box(image, (x - 9, y - 52, x + 9, y - 34), (172, 140, 120))
        _box(image, (x - 14, y - 34, x + 14, y + 14), (40, 60, 120))
        stride = round(9 * sin(i * 1.3))
        _box(image, (x - 10 + stride, y + 14, x - 1 + stride, y + 58), (30, 30, 36))
        _box(image, (x + 1 - stride, y + 14, x + 10 - stride, y + 58), (34, 34, 40))
        yield image


def vehicle(random: Generator) -> Iterator[Image]:
    """A vehicle passes quickly from right to left."""
    yard, count, start, passing = _yard(random), 60, 18, 18
    for i in range(count):
        image = _lit(yard, random, i)
        x = int(WIDTH + 90 - (WIDTH + 180) * (i - start) / passing)
        _box(image, (x - 80, 215, x + 80, 265), (160, 30, 34))
        _box(image, (x - 48, 185, x + 52, 216), (140, 26, 30))
        for wheel in (x - 52, x + 50):
            _box(image, (wheel - 13, 255, wheel + 13, 280), (18, 18, 18))
        yield image


def night(random: Generator) -> Iterator[Image]:
    """Dark, and nothing but the sensor's noise moves."""
    yard = (_yard(random).astype(np.float32) * 0.09).astype(np.float32)
    for _ in range(60):
        noise = random.normal(0, 9, (HEIGHT, WIDTH, 1)).astype(np.float32)
        yield np.clip(yard + noise + 8, 0, 255).astype(np.uint8)


def yard(random: Generator) -> Iterator[Image]:
    """An empty yard under light that flickers."""
    view = _yard(random)
    for i in range(60):
        yield _lit(view, random, i, flicker=0.05)


SCENES: Final[Mapping[str, Scene]] = {
    "walker": walker,
    "vehicle": vehicle,
    "night": night,
    "yard": yard,
}


def _yard(random: Generator) -> Image:
    """A wall, ground, a door and some texture."""
    image = np.empty((HEIGHT, WIDTH, 3), np.float32)
    image[:150] = (150, 148, 140)
    image[150:] = (110, 116, 104)
    image[60:150, 480:540] = (92, 72, 56)
    coarse = random.normal(0, 6, (HEIGHT // 8, WIDTH // 8, 1)).astype(np.float32)
    image += np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)
    return np.clip(image, 0, 255).astype(np.uint8)


def _lit(view: Image, random: Generator, i: int, flicker: float = 0.01) -> Image:
    light = 1 + flicker * sin(i * 2.1)
    noise = random.integers(-2, 3, (HEIGHT, WIDTH, 1), dtype=np.int16)
    lit: Image = np.clip(view * np.float32(light) + noise, 0, 255).astype(np.uint8)
    return lit


def _box(image: Image, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = (max(0, side) for side in box)
    image[y1:y2, x1:x2] = colour


def _write(path: Path, make: Callable[[Path], None]) -> None:
    """Under another name first: a clip that is there is whole."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    make(temporary)
    temporary.replace(path)


def _encode(images: list[Image], path: Path) -> None:
    options = {"preset": "veryfast", "crf": "23", "threads": "1"}
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _snapshot(image: Image, path: Path) -> None:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    encoder.time_base = Fraction(1, FRAMES_PER_S)
    encoder.qmin, encoder.qmax = 2, 4
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
