"""Clips to decode, made once per run."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.media.decoder import SubprocessDecoder
from infra.demo.video import make_clips

Images = list[NDArray[np.uint8]]
Encode = Callable[..., Path]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return make_clips(tmp_path_factory.mktemp("clips"), seed=7)


@pytest.fixture
async def decoder() -> AsyncIterator[SubprocessDecoder]:
    decoder = SubprocessDecoder(cores=1)
    yield decoder
    await decoder.close()


@pytest.fixture
def encode(tmp_path: Path) -> Encode:
    def encoded(name: str, images: Images, **options: str) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        return path

    return encoded


@pytest.fixture
def moving() -> Images:
    """Four seconds in which a bright box walks to the right."""
    images = [np.full((180, 320, 3), 60, np.uint8) for _ in range(40)]
    for i, image in enumerate(images):
        image[70:120, 7 * i : 7 * i + 24] = 200
    return images
