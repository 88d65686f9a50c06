"""One foreign media file to pictures and motion, by PyAV. Runs in the decoding process.

FFmpeg opens whatever a playlist names, so that only containers which hold their own pixels are let
in, and no protocol at all. A clip that breaks off gives the frames it has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BufferedIOBase
from time import process_time
from typing import Final

import av
from av import VideoFrame
from av.container import InputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from connectors.media.decoding_words import Bounds, PictureHeader, Seen, Unseen
from connectors.media.frame_choice import Samples, dhash
from connectors.media.motion_tracks import measure

CONTAINERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "mpegts",
    "mpeg",
    "avi",
    "flv",
    "asf",
    "mjpeg",
    "h264",
    "hevc",
    "gif",
    "jpeg_pipe",
    "png_pipe",
    "webp_pipe",
)
_HEAD_BYTES: Final = 4096
_CUT_S_MIN: Final = 0.5
_CUT_SHARE: Final = 0.05
"""A clip is cut when more than this is missing of the length that it claims."""

Pictures = tuple[bytes, ...]


class NotDecodableError(Exception):
    """Carries the answer that explains why."""

    def __init__(self, unseen: Unseen) -> None:
        super().__init__(unseen.detail)
        self.unseen = unseen


def decode(file: BufferedIOBase, frames_max: int, bounds: Bounds) -> tuple[Seen | Unseen, Pictures]:
    """The answer, and the JPEG bytes of its pictures in the same order."""
    recognised = _begins_like_media(file)
    try:
        with _opened(file) as container:
            return _decoded(container, frames_max, bounds)
    except NotDecodableError as error:
        unseen = error.unseen
    except MemoryError:
        raise  # also FFmpeg's own: that is our limit, not the file's fault
    except FFmpegError as error:
        unseen = Unseen(reason="not_video", detail=f"no decoder takes it: {error.strerror}")
    if recognised and unseen.reason == "not_video":
        text = f"begins like {recognised}, and yields no picture ({unseen.detail})"
        unseen = Unseen(reason="corrupt", detail=text)
    return unseen, ()


@contextmanager
def _opened(file: BufferedIOBase) -> Iterator[InputContainer]:
    options = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
    container = av.open(_Nameless(file), "r", options=options, metadata_errors="ignore")
    try:
        yield container
    finally:
        container.close()


def _decoded(
    container: InputContainer, frames_max: int, bounds: Bounds
) -> tuple[Seen | Unseen, Pictures]:
    if not container.streams.video:
        raise _not_video("it holds no pictures")
    stream = container.streams.video[0]
    if not _has_decoder(stream.codec_context):
        raise _not_video("no decoder knows its coding")
    _check_size(stream.codec_context.width, stream.codec_context.height, bounds)
    samples, clip = Samples(), _Reading(container, stream, bounds)
    for at_s, frame in clip:
        samples.add(at_s, frame)
    if not len(samples):
        raise _not_video("no picture could be decoded")
    measured = measure(samples.greys, samples.times_s)
    chosen = samples.pictures(measured.activity, frames_max)
    jpegs = tuple(_jpeg(frame, bounds.frame_width_max) for _, frame in chosen)
    seen = Seen(
        duration_s=0.0 if clip.count == 1 else round(clip.duration_s, 3),
        width=clip.width,
        height=clip.height,
        truncated=clip.truncated,
        pictures=tuple(
            PictureHeader(
                at_s=round(at_s, 3),
                width=width,
                height=height,
                size_bytes=len(jpeg),
                dhash=dhash(frame),
            )
            for (at_s, frame), (jpeg, width, height) in zip(chosen, jpegs, strict=True)
        ),
        motion=measured.motion,
    )
    return seen, tuple(jpeg for jpeg, _, _ in jpegs)


class _Nameless:
    """A file without its name: for one such as `%d.jpg`, FFmpeg would go and open others."""

    def __init__(self, file: BufferedIOBase) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


class _Reading:
    """Frames with their times, until the end, an error without recovery, or the bounds."""

    def __init__(self, container: InputContainer, stream: VideoStream, bounds: Bounds) -> None:
        self._container = container
        self._stream = stream
        self._bounds = bounds
        self._broken = self._stopped = False
        self._step_s = float(1 / (stream.average_rate or stream.guessed_rate or Fraction(10)))
        self._first_s: float | None = None
        self._last_s = 0.0
        self.count = self.width = self.height = 0

    @property
    def duration_s(self) -> float:
        return min(self._last_s + self._step_s, self._bounds.duration_s_max)

    @property
    def truncated(self) -> bool:
        if self._stopped or self._broken:
            return True
        claimed_s = self._claimed_s()
        return claimed_s - self.duration_s > max(_CUT_S_MIN, _CUT_SHARE * claimed_s)

    def _claimed_s(self) -> float:
        stream, container = self._stream, self._container
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return (container.duration or 0) / av.time_base

    def __iter__(self) -> Iterator[tuple[float, VideoFrame]]:
        deadline = process_time() + self._bounds.budget_s
        for frame in self._frames():
            _check_size(frame.width, frame.height, self._bounds)
            at_s = self._time(frame)
            late = at_s > self._bounds.duration_s_max or process_time() > deadline
            if self.count and late:
                self._stopped = True
                return
            if not self.count:
                self.width, self.height = frame.width, frame.height
            self.count += 1
            self._last_s = at_s
            yield at_s, frame

    def _time(self, frame: VideoFrame) -> float:
        """Seconds since the first frame; never goes back, whatever the file says."""
        moment = frame.time
        if frame.pts is None or moment is None:
            moment = (self._first_s or 0.0) + self.count * self._step_s
        if self._first_s is None:
            self._first_s = moment
        return max(self._last_s, moment - self._first_s)

    def _frames(self) -> Iterator[VideoFrame]:
        self._stream.codec_context.thread_count = 1
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except (StopIteration, EndOfFile):
                return
            except MemoryError:
                raise
            except FFmpegError:
                self._broken = True  # a stream that was joined midway recovers at its next keyframe
                continue
            if frames:
                self._broken = False
            yield from frames


def _has_decoder(context: VideoCodecContext | None) -> bool:
    """PyAV's types don't say so, but a stream of unknown coding has no context."""
    return context is not None


def _check_size(width: int, height: int, bounds: Bounds) -> None:
    if width * height > bounds.pixels_max:
        text = f"{width}x{height} pixels; at most {bounds.pixels_max} pixels are decoded"
        raise NotDecodableError(Unseen(reason="decoder_failed", detail=text))


def _not_video(detail: str) -> NotDecodableError:
    return NotDecodableError(Unseen(reason="not_video", detail=detail))


def _jpeg(frame: VideoFrame, width_max: int) -> tuple[bytes, int, int]:
    """The frame as JPEG, not wider than `width_max`; with its width and height."""
    width = min(frame.width, width_max)
    height = max(1, round(frame.height * width / frame.width))
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin, encoder.qmax = 2, 4
    picture = frame.reformat(width, height, "yuvj420p")
    picture.pts = 0
    packets = [*encoder.encode(picture), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets), width, height


def _begins_like_media(file: BufferedIOBase) -> str:
    """What the first bytes claim; empty when they claim nothing that we know."""
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"styp", b"moof"}:
        return "MP4"
    if head[:4] == b"RIFF" and head[8:12] in {b"AVI ", b"WEBP"}:
        return head[8:12].decode().strip()
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return "MPEG-TS"
    starts = {b"\x1a\x45\xdf\xa3": "Matroska", b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG"}
    starts |= {b"GIF8": "GIF", b"FLV\x01": "FLV"}
    return next((name for start, name in starts.items() if head.startswith(start)), "")
