"""The same decoding as in its process, called directly: what one file gives."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.media.decoding import decode
from connectors.media.decoding_words import Bounds, Seen, Unseen

Images = list[NDArray[np.uint8]]
Encode = Callable[..., Path]


def seen(content: bytes, *, frames_max: int = 6, bounds: Bounds | None = None) -> Seen:
    answer, jpegs = decode(BytesIO(content), frames_max, bounds or Bounds())
    assert isinstance(answer, Seen)
    assert [picture.size_bytes for picture in answer.pictures] == [len(jpeg) for jpeg in jpegs]
    return answer


def unseen(content: bytes, bounds: Bounds | None = None) -> str:
    answer, jpegs = decode(BytesIO(content), 6, bounds or Bounds())
    assert isinstance(answer, Unseen)
    assert jpegs == ()
    return answer.reason


def test_pictures_look_like_the_clip(encode: Encode) -> None:
    red = np.zeros((180, 320, 3), np.uint8)
    red[:, :, 0] = 220
    clip = encode("red.mp4", [red] * 10).read_bytes()

    _, (jpeg,) = decode(BytesIO(clip), 1, Bounds())

    with av.open(BytesIO(jpeg), "r") as container:
        frame = next(container.decode(video=0))
    assert np.abs(frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) - (220, 0, 0)).max() < 12


def test_a_long_clip_is_sampled_more_thinly(encode: Encode) -> None:
    clip = encode("long.mp4", [np.zeros((36, 64, 3), np.uint8)] * 1400).read_bytes()

    answer = seen(clip)

    assert answer.duration_s == 140.0
    assert answer.motion.frames_measured < 1200


@pytest.mark.parametrize("start", [3000, 20_000])
def test_a_stream_joined_midway_gives_its_later_frames(
    encode: Encode, moving: Images, start: int
) -> None:
    stream = encode("clip.ts", moving * 8).read_bytes()

    assert len(seen(stream[start:]).pictures) == 6


def test_bytes_flipped_midway_do_not_end_the_clip(clips: Mapping[str, Path]) -> None:
    content = bytearray(clips["walker"].read_bytes())
    for place in range(60_000, 100_000, 400):
        content[place] ^= 0xFF

    assert seen(bytes(content)).duration_s == 7.5


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9])
def test_a_clip_cut_anywhere_has_one_of_the_known_answers(
    clips: Mapping[str, Path], share: float
) -> None:
    content = clips["vehicle"].read_bytes()

    answer, _ = decode(BytesIO(content[: int(len(content) * share)]), 6, Bounds())

    assert answer.truncated if isinstance(answer, Seen) else answer.reason == "corrupt"


@pytest.mark.parametrize("format_name", ["png", "webp", "mjpeg"])
def test_stills_that_cameras_send_are_stills(format_name: str) -> None:
    image = np.full((90, 160, 3), 128, np.uint8)
    encoder = av.CodecContext.create(format_name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.framerate = 160, 90, Fraction(1)
    encoder.pix_fmt = {"png": "rgb24", "webp": "yuv420p", "mjpeg": "yuvj420p"}[format_name]
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=encoder.pix_fmt)
    content = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])

    answer = seen(content)

    assert (answer.motion.still, answer.duration_s, answer.width) == (True, 0.0, 160)


def test_a_page_that_mentions_video_is_not_video() -> None:
    assert unseen(b"<html><video src='clip.mp4'></video>") == "not_video"


def test_too_many_pixels_are_not_decoded(clips: Mapping[str, Path]) -> None:
    assert unseen(clips["yard"].read_bytes(), Bounds(pixels_max=100)) == "decoder_failed"


def test_a_header_alone_is_corrupt(clips: Mapping[str, Path]) -> None:
    assert unseen(clips["yard"].read_bytes()[:32]) == "corrupt"
