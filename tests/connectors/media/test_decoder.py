"""Foreign media in, frames or one typed reason out; and no process is left behind."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.media.decoder import DecoderClosedError, SubprocessDecoder
from connectors.media.decoding_words import Bounds
from streams.ports import ClipError, Decoded

Images = list[NDArray[np.uint8]]
Encode = Callable[..., Path]


async def reason(decoder: SubprocessDecoder, media: Path) -> tuple[str, str]:
    with pytest.raises(ClipError) as caught:
        await decoder.decode(media, frames_max=6)
    return caught.value.reason, caught.value.detail


async def test_a_clip_gives_pictures_size_and_length(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    seen = await decoder.decode(clips["walker"], frames_max=6)

    facts = (seen.width, seen.height, seen.duration_s, seen.truncated, len(seen.pictures))
    assert facts == (640, 360, 7.5, False, 6)


async def test_the_hash_and_size_are_those_of_the_file(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    content = clips["yard"].read_bytes()

    seen = await decoder.decode(clips["yard"], frames_max=1)

    assert (seen.sha256, seen.size_bytes) == (sha256(content).hexdigest(), len(content))


async def test_the_same_clip_gives_the_same_answer(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    first = await decoder.decode(clips["walker"], frames_max=6)

    assert await decoder.decode(clips["walker"], frames_max=6) == first


async def test_pictures_are_jpegs_in_the_order_of_time(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    pictures = (await decoder.decode(clips["walker"], frames_max=6)).pictures

    assert all(picture.jpeg.startswith(b"\xff\xd8\xff") for picture in pictures)
    assert [picture.at_s for picture in pictures] == sorted(picture.at_s for picture in pictures)


async def test_no_more_pictures_than_asked_for(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    assert len((await decoder.decode(clips["walker"], frames_max=2)).pictures) == 2


async def test_wide_frames_become_narrower_pictures(
    decoder: SubprocessDecoder, encode: Encode
) -> None:
    wide = encode("wide.mp4", [np.full((1080, 3840, 3), 90, np.uint8)] * 3)

    seen = await decoder.decode(wide, frames_max=1)

    picture = seen.pictures[0]
    assert (seen.width, seen.height, picture.width, picture.height) == (3840, 1080, 1920, 540)


async def test_a_still_has_no_length_and_one_picture(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    seen = await decoder.decode(clips["walker-snapshot"], frames_max=6)

    assert (seen.duration_s, seen.motion.still, len(seen.pictures)) == (0.0, True, 1)


@pytest.mark.parametrize(
    ("name", "expected"), [("walker", 1), ("vehicle", 1), ("night", 0), ("yard", 0)]
)
async def test_every_generated_scene_has_its_number_of_tracks(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], name: str, expected: int
) -> None:
    assert len((await decoder.decode(clips[name], frames_max=1)).motion.tracks) == expected


async def test_a_fragmented_clip_is_a_clip(
    decoder: SubprocessDecoder, encode: Encode, moving: Images
) -> None:
    media = encode("fragmented.mp4", moving, movflags="frag_keyframe+empty_moov")

    seen = await decoder.decode(media, frames_max=1)

    assert (seen.duration_s, seen.truncated) == (4.0, False)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.avi", "clip.mov"])
async def test_containers_that_cameras_use_are_taken(
    decoder: SubprocessDecoder, encode: Encode, moving: Images, name: str
) -> None:
    assert len((await decoder.decode(encode(name, moving), frames_max=1)).motion.tracks) == 1


async def test_a_cut_clip_gives_the_frames_it_has(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], tmp_path: Path
) -> None:
    content = clips["walker"].read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) // 2])

    seen = await decoder.decode(cut, frames_max=6)

    assert seen.truncated
    assert 0 < seen.duration_s < 7


async def test_a_cut_fragmented_clip_gives_the_frames_it_has(
    decoder: SubprocessDecoder, encode: Encode, moving: Images
) -> None:
    flags = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"}
    media = encode("fragmented.mp4", moving, **flags)
    media.write_bytes(media.read_bytes()[: media.stat().st_size * 2 // 3])

    seen = await decoder.decode(media, frames_max=1)

    assert 0 < seen.duration_s < 4


async def test_an_empty_file_is_empty(decoder: SubprocessDecoder, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()

    assert await reason(decoder, tmp_path / "empty.mp4") == ("empty", "0 bytes")


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><html><body>Log in</body></html>",
        b"just some words\n" * 100,
        bytes(range(256)) * 64,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
    ],
    ids=["html", "text", "bytes", "hls", "concat", "dash"],
)
async def test_what_no_decoder_may_take_is_not_video(
    decoder: SubprocessDecoder, tmp_path: Path, content: bytes
) -> None:
    media = tmp_path / "clip.mp4"
    media.write_bytes(content)

    assert (await reason(decoder, media))[0] == "not_video"


async def test_a_playlist_of_a_real_clip_is_not_followed(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], tmp_path: Path
) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXTINF:5,\n{clips['walker'].as_uri()}\n#EXT-X-ENDLIST\n")

    assert (await reason(decoder, playlist))[0] == "not_video"


async def test_a_file_name_with_a_pattern_opens_that_file_only(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "1.jpg").write_bytes(clips["walker-snapshot"].read_bytes())
    pattern = tmp_path / "%d.jpg"
    pattern.write_text("no picture")

    assert (await reason(decoder, pattern))[0] == "not_video"


async def test_sound_without_pictures_is_not_video(
    decoder: SubprocessDecoder, tmp_path: Path
) -> None:
    media = tmp_path / "sound.wav"
    media.write_bytes(b"RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + bytes(2084))

    assert (await reason(decoder, media))[0] == "not_video"


async def test_a_clip_without_its_index_is_corrupt(
    decoder: SubprocessDecoder, encode: Encode, moving: Images
) -> None:
    media = encode("clip.mp4", moving)
    media.write_bytes(media.read_bytes()[:-2000])

    assert (await reason(decoder, media))[0] == "corrupt"


async def test_a_clip_of_noughts_is_corrupt(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], tmp_path: Path
) -> None:
    content = clips["walker"].read_bytes()
    body = content.index(b"mdat") + 4
    media = tmp_path / "zeroed.mp4"
    media.write_bytes(content[:body] + bytes(len(content) - body))

    assert (await reason(decoder, media))[0] == "corrupt"


async def test_half_a_picture_is_a_picture_or_corrupt(
    decoder: SubprocessDecoder, tmp_path: Path
) -> None:
    media = tmp_path / "head.jpg"
    media.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")

    assert (await reason(decoder, media))[0] == "corrupt"


async def test_more_pixels_than_allowed_are_not_decoded(clips: Mapping[str, Path]) -> None:
    decoder = SubprocessDecoder(cores=1, bounds=Bounds(pixels_max=640 * 359))

    answer = await reason(decoder, clips["walker"])
    await decoder.close()

    assert answer == ("decoder_failed", "640x360 pixels; at most 229760 pixels are decoded")


async def test_a_clip_longer_than_allowed_is_decoded_to_the_limit(
    clips: Mapping[str, Path],
) -> None:
    decoder = SubprocessDecoder(cores=1, bounds=Bounds(duration_s_max=2.0))

    seen = await decoder.decode(clips["walker"], frames_max=1)
    await decoder.close()

    assert (seen.truncated, round(seen.duration_s)) == (True, 2)


async def test_a_decoding_that_takes_too_long_fails(clips: Mapping[str, Path]) -> None:
    decoder = SubprocessDecoder(cores=1, bounds=Bounds(wall_s=0.001))

    answer = await reason(decoder, clips["night"])
    await decoder.close()

    assert answer == ("decoder_failed", "decoding took longer than 0.001 s")


async def test_a_decoding_that_needs_too_much_memory_fails(clips: Mapping[str, Path]) -> None:
    decoder = SubprocessDecoder(cores=1, bounds=Bounds(memory_bytes=64 << 20))

    answer, _ = await reason(decoder, clips["night"])
    await decoder.close()

    assert answer == "decoder_failed"


async def test_a_decoding_that_computes_too_much_keeps_what_it_has(
    clips: Mapping[str, Path],
) -> None:
    decoder = SubprocessDecoder(cores=1, bounds=Bounds(budget_s=0.0))

    seen = await decoder.decode(clips["night"], frames_max=6)
    await decoder.close()

    assert (seen.truncated, len(seen.pictures)) == (True, 1)


async def test_a_killed_process_is_replaced_and_the_clip_decoded(
    decoder: SubprocessDecoder, clips: Mapping[str, Path]
) -> None:
    before = children()
    await decoder.decode(clips["yard"], frames_max=1)
    for pid in children() - before:
        os.kill(pid, signal.SIGKILL)

    assert isinstance(await decoder.decode(clips["yard"], frames_max=1), Decoded)


async def test_a_closed_decoder_judges_no_clip(clips: Mapping[str, Path]) -> None:
    decoder = SubprocessDecoder(cores=1)
    await decoder.close()

    with pytest.raises(DecoderClosedError):
        await decoder.decode(clips["yard"], frames_max=1)


async def test_closing_under_way_judges_no_clip(clips: Mapping[str, Path]) -> None:
    before = children()
    decoder = SubprocessDecoder(cores=1)
    task = asyncio.create_task(decoder.decode(clips["night"], frames_max=1))
    while not children() - before:  # noqa: ASYNC110  # a process tells no event that it is there
        await asyncio.sleep(0)

    await decoder.close()

    with pytest.raises(DecoderClosedError):
        await task


async def test_closing_leaves_no_process(clips: Mapping[str, Path]) -> None:
    before = children()
    decoder = SubprocessDecoder(cores=2)
    await asyncio.gather(*(decoder.decode(clips["yard"], frames_max=1) for _ in range(4)))
    started = children() - before

    await decoder.close()

    assert (len(started), children() - before) == (2, set())


async def test_a_cancelled_decoding_leaves_no_process(clips: Mapping[str, Path]) -> None:
    before = children()
    decoder = SubprocessDecoder(cores=1)
    task = asyncio.create_task(decoder.decode(clips["night"], frames_max=1))
    while not children() - before:  # noqa: ASYNC110  # a process tells no event that it is there
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await decoder.close()

    assert children() == before


async def test_the_process_knows_nothing_of_our_environment(
    decoder: SubprocessDecoder, clips: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    before = children()
    await decoder.decode(clips["yard"], frames_max=1)

    assert not any(b"secret" in environment(pid) for pid in children() - before)


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def children() -> set[int]:
    """Processes whose parent is this one, zombies included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            found.add(int(stat.parent.name))
    return found
