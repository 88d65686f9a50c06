"""Bad clips from the event to the word, through the real decoder: each has one exact outcome."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from agents.fetch_clips import FetchClips
from connectors.clips.file import FileClips
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from connectors.media.decoder import SubprocessDecoder
from connectors.memory.media import MemoryMedia
from connectors.providers.motion import MotionProvider
from infra.demo.video import make_clips
from schemas.camera_events import SmartDetection
from schemas.cameras import Camera
from schemas.clips import CameraEventEnriched, ClipReady, ClipUnavailable
from streams import identity
from streams.providers.ports import Prompt, Question
from streams.records import Received

if TYPE_CHECKING:
    from tests.connectors.clips.conftest import Web

Clips = Callable[..., HttpClips]
HTML = b"<!doctype html><title>Log in</title>"
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class EmptyLog:
    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        assert len(outcome_ids) == 1
        return frozenset()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("allowed")
    make_clips(folder, 7)
    (folder / "page.mp4").write_bytes(HTML)
    (folder / "empty.mp4").touch()
    (folder / "index-lost.mp4").write_bytes((folder / "yard-7.mp4").read_bytes()[:400])
    (folder / "out.mp4").symlink_to("/etc/passwd")
    whole = (folder / "walker-7.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
async def fetch(folder: Path, clips: Clips) -> AsyncIterator[FetchClips]:
    limits = ClipLimits(bytes_max=4 << 20, stall_s=0.1)
    http, file = clips(limits), FileClips((folder,), limits)
    named = NamedClips({"file": file, "http": http, "https": http})
    decoder = SubprocessDecoder(cores=1)
    yield FetchClips(named, decoder, MemoryMedia(), EmptyLog())
    await decoder.close()


async def became(fetch: FetchClips, url: str, snapshot: str | None = None) -> object:
    event = SmartDetection(
        event_id="1",
        source="demo",
        camera_id="yard",
        timestamp=NOON,
        labels=("person",),
        clip_url=url,
        snapshot_url=snapshot,
    )
    camera_id = identity.camera_id("demo", "yard")
    enriched = CameraEventEnriched(
        id=identity.event_id(event),
        camera_id=camera_id,
        timestamp=NOON,
        correlation_id="story",
        event=event,
        camera=Camera(id=camera_id, source="demo", source_id="yard", name="Yard"),
    )
    (output,) = await fetch(Received(enriched))
    return output.event


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("page.mp4", "not_video"),
        ("empty.mp4", "empty"),
        ("index-lost.mp4", "corrupt"),
        ("none.mp4", "not_found"),
        ("out.mp4", "forbidden"),
        ("../../etc/passwd", "forbidden"),
    ],
)
async def test_a_bad_file_is_unavailable(
    fetch: FetchClips, folder: Path, name: str, reason: str
) -> None:
    word = await became(fetch, f"file://{folder}/{name}")

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.attempts, word.snapshot) == (reason, 1, None)


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "not_found", 1),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n" + HTML, "not_video", 1),
        (b"HTTP/1.1 200 OK\r\n\r\n" + HTML, "not_video", 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "empty", 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf", "unreachable", 4),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n", "too_large", 1),
        (b"HTTP/1.1 302 Found\r\nlocation: http://[::1]:1/\r\n\r\n", "forbidden", 1),
        (b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\n\r\n", "forbidden", 1),
    ],
    ids=["404", "html", "bare-html", "empty", "cut", "large", "private", "file"],
)
async def test_a_bad_answer_is_unavailable(
    fetch: FetchClips, web: "Web", answer: bytes, reason: str, attempts: int
) -> None:
    web.answers["/clip"] = [answer]

    word = await became(fetch, web.url("/clip"))

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.attempts) == (reason, attempts)


async def test_a_stalled_server_is_unavailable(fetch: FetchClips, web: "Web") -> None:
    web.stalls["/clip"] = b""

    word = await became(fetch, web.url("/clip"))

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.attempts) == ("timed_out", 4)


async def test_a_snapshot_stands_in_for_a_bad_clip(fetch: FetchClips, folder: Path) -> None:
    snapshot = str(folder / "walker-7.jpg")

    word = await became(fetch, str(folder / "page.mp4"), snapshot)

    assert isinstance(word, ClipUnavailable)
    assert word.snapshot
    assert (word.reason, word.snapshot.width, word.snapshot.height) == ("not_video", 640, 360)


async def test_a_cut_clip_is_ready_and_says_so(fetch: FetchClips, folder: Path) -> None:
    word = await became(fetch, str(folder / "cut.mp4"))

    assert isinstance(word, ClipReady)
    assert (word.clip.truncated, len(word.motion.tracks)) == (True, 1)


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        ("walker", "One medium region moved from left to right"),
        ("vehicle", "One large region moved from right to left"),
        ("night", "No movement was measured in 5.9 s of dark and noisy pictures."),
        ("yard", "No movement was measured in 5.9 s of well lit pictures."),
    ],
)
async def test_a_good_clip_is_described_by_what_its_pixels_show(
    fetch: FetchClips, folder: Path, scene: str, says: str
) -> None:
    word = await became(fetch, str(folder / f"{scene}-7.mp4"))

    assert isinstance(word, ClipReady)
    question = Question(
        word.enriched,
        word.frames,
        word.motion,
        word.clip.duration_s,
        Prompt("none-1", "0" * 64, "", ""),
    )
    description = (await MotionProvider().ask(question)).answer.description
    assert description.startswith(says)
