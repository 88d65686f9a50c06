"""What becomes of the clip of one event."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from agents.fetch_clips import FetchClips
from connectors.memory.decoder import MemoryDecoder
from connectors.memory.media import MemoryMedia
from schemas.camera_events import CameraConnectionChanged, CameraEvent, SmartDetection
from schemas.cameras import Camera, Policy
from schemas.clips import (
    CameraEventEnriched,
    ClipNotWanted,
    ClipReady,
    ClipUnavailable,
    Motion,
)
from streams import identity
from streams.ports import ClipError, Decoded, Picture
from streams.records import Received
from streams.topics import CLIPS

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
CLIP_URL, SNAPSHOT_URL = "http://nvr/clip.mp4", "http://nvr/snapshot.jpg"
MOTION = Motion(still=False, measured_s=8, frames_measured=64, brightness=0.5, noise=0)
STILL = Motion(still=True, measured_s=0, frames_measured=1, brightness=0.4, noise=0)
GONE = ClipError("not_found", "status 404", attempts=1)


def decoded(motion: Motion, *jpegs: bytes) -> Decoded:
    return Decoded(
        sha256="a" * 64,
        size_bytes=1000,
        duration_s=8.0,
        width=640,
        height=360,
        truncated=False,
        pictures=tuple(Picture(jpeg, float(i), 640, 360) for i, jpeg in enumerate(jpegs)),
        motion=motion,
    )


DECODER = {b"clip": decoded(MOTION, b"one", b"two"), b"snapshot": decoded(STILL, b"still")}
EVENT = SmartDetection(
    event_id="1",
    source="demo",
    camera_id="yard",
    timestamp=NOON,
    labels=("person",),
    clip_url=CLIP_URL,
    snapshot_url=SNAPSHOT_URL,
)


@dataclass(frozen=True)
class Shelf:
    """Clips by URL, or why they can't be had; remembers what was asked for."""

    folder: Path
    contents: Mapping[str, bytes | ClipError]
    asked: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Path]:
        self.asked.append(url)
        content = self.contents[url]
        if isinstance(content, ClipError):
            raise content
        path = self.folder / sha256(url.encode()).hexdigest()
        path.write_bytes(content)
        yield path
        path.unlink()


@dataclass(frozen=True)
class Known:
    """A log that holds these outcomes."""

    ids: frozenset[UUID] = frozenset()

    async def known(self, outcome_ids: Collection[UUID]) -> frozenset[UUID]:
        return self.ids.intersection(outcome_ids)


@dataclass
class Desk:
    """The agent with everything that it needs, on one table."""

    shelf: Shelf
    media: MemoryMedia = field(default_factory=MemoryMedia)
    known: Known = field(default_factory=Known)
    frames_max: int = 6

    async def __call__(self, event: CameraEvent = EVENT, policy: Policy | None = None) -> object:
        decoder = MemoryDecoder(DECODER)
        agent = FetchClips(self.shelf, decoder, self.media, self.known, self.frames_max)
        outputs = await agent(Received(enriched(event, policy), traceparent="trace"))
        for output in outputs:
            assert (output.topic, output.traceparent) == (CLIPS, "trace")
            assert CLIPS.codec.decode(msgspec.json.encode(output.event)) == output.event
        return outputs[0].event if outputs else None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Shelf(tmp_path, {CLIP_URL: b"clip", SNAPSHOT_URL: b"snapshot"}))


def enriched(event: CameraEvent, policy: Policy | None = None) -> CameraEventEnriched:
    camera_id = identity.camera_id("demo", "yard")
    return CameraEventEnriched(
        id=identity.event_id(EVENT),
        camera_id=camera_id,
        timestamp=event.timestamp,
        correlation_id="story",
        event=event,
        camera=Camera(
            id=camera_id, source="demo", source_id="yard", name="Yard", policy=policy or Policy()
        ),
    )


def shelf(tmp_path: Path, clip: bytes | ClipError, snapshot: bytes | ClipError) -> Shelf:
    return Shelf(tmp_path, {CLIP_URL: clip, SNAPSHOT_URL: snapshot})


async def test_a_clip_becomes_frames_and_motion(desk: Desk) -> None:
    ready = await desk()

    assert isinstance(ready, ClipReady)
    assert (len(ready.frames), ready.motion, ready.clip.url) == (2, MOTION, CLIP_URL)


async def test_the_frames_are_in_the_media_store(desk: Desk) -> None:
    ready = await desk()

    assert isinstance(ready, ClipReady)
    assert [await desk.media.get(frame.sha256) for frame in ready.frames] == [b"one", b"two"]


async def test_no_more_frames_than_asked_for(desk: Desk) -> None:
    desk.frames_max = 1

    ready = await desk()

    assert isinstance(ready, ClipReady)
    assert len(ready.frames) == 1


async def test_the_word_carries_its_story(desk: Desk) -> None:
    ready = await desk()

    assert isinstance(ready, ClipReady)
    told = (ready.id, ready.camera_id, ready.timestamp, ready.correlation_id)
    given = enriched(EVENT)
    assert told == (identity.follows(given.id, "clip"), given.camera_id, NOON, "story")


async def test_the_same_event_gives_the_same_word(desk: Desk) -> None:
    assert await desk() == await desk()


async def test_an_outcome_that_the_log_holds_is_not_fetched_again(desk: Desk) -> None:
    desk.known = Known(frozenset({identity.outcome_id(identity.event_id(EVENT))}))

    assert (await desk(), desk.shelf.asked) == (None, [])


async def test_what_policy_skips_is_not_fetched(desk: Desk) -> None:
    word = await desk(policy=Policy(labels=("vehicle",)))

    assert isinstance(word, ClipNotWanted)
    assert (word.reason, desk.shelf.asked) == ("policy_label", [])


async def test_a_connection_change_has_no_clip(desk: Desk) -> None:
    event = CameraConnectionChanged(
        event_id="1", source="demo", camera_id="yard", timestamp=NOON, state="online"
    )

    word = await desk(event)

    assert isinstance(word, ClipNotWanted)
    assert word.reason == "nothing_to_see"


async def test_a_snapshot_stands_in_for_a_clip_that_is_gone(tmp_path: Path) -> None:
    word = await Desk(shelf(tmp_path, GONE, b"snapshot"))()

    assert isinstance(word, ClipUnavailable)
    assert word.snapshot
    assert (word.reason, word.detail, word.motion) == ("not_found", "status 404", STILL)


async def test_a_snapshot_stands_in_for_a_clip_that_is_no_video(tmp_path: Path) -> None:
    word = await Desk(shelf(tmp_path, b"<html>", b"snapshot"))()

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.snapshot is None) == ("not_video", False)


async def test_the_attempts_are_counted(tmp_path: Path) -> None:
    word = await Desk(shelf(tmp_path, ClipError("unreachable", "503", attempts=4), b"snapshot"))()

    assert isinstance(word, ClipUnavailable)
    assert word.attempts == 4


async def test_the_clip_s_reason_stays_when_the_snapshot_fails_too(tmp_path: Path) -> None:
    word = await Desk(shelf(tmp_path, GONE, ClipError("refused", "status 403")))()

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.snapshot) == ("not_found", None)
    assert word.detail == "status 404; nor the snapshot: refused, status 403"


async def test_an_event_without_clip_and_snapshot_names_none(desk: Desk) -> None:
    word = await desk(msgspec.structs.replace(EVENT, clip_url=None, snapshot_url=None))

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.attempts, word.snapshot) == ("no_clip_named", 0, None)


async def test_an_event_with_a_snapshot_only_has_a_still(desk: Desk) -> None:
    word = await desk(msgspec.structs.replace(EVENT, clip_url=None))

    assert isinstance(word, ClipUnavailable)
    assert (word.reason, word.motion) == ("no_clip_named", STILL)


async def test_any_detail_fits_on_the_wire(tmp_path: Path) -> None:
    wild = ClipError("not_found", "\udcff\0" + "x" * 5000)

    word = await Desk(shelf(tmp_path, wild, wild))()

    assert isinstance(word, ClipUnavailable)
    assert word.detail.startswith("\\udcffxxx")


async def test_what_is_no_fault_of_the_clip_is_the_runtimes_to_handle(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        await Desk(Shelf(tmp_path, {}))()
