"""Clips that can't be had, and why not: the clip half of the first issue's bad input."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True)
class BadClip:
    """A URL, what the outcome must say of it, and after how many attempts."""

    name: str
    url: str
    reason: str
    attempts: int = 1

    @property
    def camera(self) -> str:
        """Its own, shared with its neighbours only."""
        return f"camera-{self.name}"


NAMES = {
    "404": ("not_found", 1),
    "html": ("not_video", 1),
    "empty": ("empty", 1),
    "cut-transfer": ("unreachable", 4),
    "server-error": ("unreachable", 4),
    "no-video": ("not_video", 1),
    "redirect-to-metadata": ("forbidden", 1),
    "redirect-to-private": ("forbidden", 1),
    "redirect-to-file": ("forbidden", 1),
    "link-local": ("forbidden", 1),
    "private": ("forbidden", 1),
    "private-by-ipv6": ("forbidden", 1),
    "outside": ("forbidden", 1),
    "outside-by-dots": ("forbidden", 1),
    "outside-by-link": ("forbidden", 1),
    "no-file": ("not_found", 1),
    "empty-file": ("empty", 1),
    "cut-file": ("corrupt", 1),
    "text-file": ("not_video", 1),
    "unknown-scheme": ("forbidden", 1),
}
"""Every case: the failure that is recorded, and the attempts that it took."""


def bad_clips(server: str, clips: Path, outside: Path) -> list[BadClip]:
    """The cases, where files below `clips` are allowed and the rest is as `serving` serves it."""
    urls = {
        **{name: f"{server}/{name}" for name in NAMES},
        "link-local": "http://169.254.169.254/latest/meta-data/",
        "private": "http://10.0.0.1/clip.mp4",
        "private-by-ipv6": "http://[::ffff:10.0.0.1]/clip.mp4",
        "outside": str(outside),
        "outside-by-dots": f"file://{clips}/../{outside.name}",
        "outside-by-link": f"file://{clips}/link.mp4",
        "no-file": f"{clips}/none.mp4",
        "empty-file": f"{clips}/empty.mp4",
        "cut-file": f"{clips}/cut.mp4",
        "text-file": f"{clips}/text.mp4",
        "unknown-scheme": "gopher://127.0.0.1/clip.mp4",
    }
    return [BadClip(name, urls[name], *said) for name, said in NAMES.items()]


def lay_out(clips: Path) -> tuple[Path, Path]:
    """Files for the cases; the one good clip, and its copy outside of the folder."""
    clips.mkdir()
    good, outside = clips / "good.mp4", clips.parent / "outside.mp4"
    tiny_clip(good)
    outside.write_bytes(good.read_bytes())
    (clips / "link.mp4").symlink_to(outside)
    (clips / "empty.mp4").touch()
    (clips / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (clips / "text.mp4").write_text("a report about a video " * 100)
    return good, outside


def tiny_clip(path: Path) -> None:
    """One second in which a square moves through the picture; its index comes last."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.time_base = Fraction(1, 10)
        for i in range(10):
            image = np.full((96, 160, 3), 90, np.uint8)
            image[40:60, 10 + 12 * i : 30 + 12 * i] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


@contextmanager
def serving(good: bytes) -> Iterator[str]:
    """A server of the cases on loopback; its URL."""
    answers = _answers(good)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            status, headers, body = answers.get(self.path[1:], (404, {}, b"nothing here"))
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # likewise
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answers(good: bytes) -> Mapping[str, tuple[int, dict[str, str], bytes]]:
    video = {"Content-Type": "video/mp4"}
    return {
        "good": (200, video, good),
        "html": (200, {"Content-Type": "text/html"}, b"<html>please log in</html>"),
        "empty": (200, video, b""),
        "cut-transfer": (200, video | {"Content-Length": str(len(good))}, good[:-100]),
        "server-error": (503, {}, b"try later"),
        "no-video": (200, video, b"these are words " * 100),
        "redirect-to-metadata": (302, {"Location": "http://169.254.169.254/latest/"}, b""),
        "redirect-to-private": (302, {"Location": "http://10.0.0.1/clip.mp4"}, b""),
        "redirect-to-file": (302, {"Location": "file:///etc/passwd"}, b""),
    }
