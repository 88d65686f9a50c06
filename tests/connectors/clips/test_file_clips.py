"""Clips in folders, and that no path leads out of them."""

import os
from pathlib import Path

import pytest

from connectors.clips.file import FileClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from streams.ports import ClipError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "allowed-not" / "a.mp4").write_bytes(b"secret")
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "a clip.mp4").write_bytes(b"a clip")
    return folder


@pytest.fixture
def clips(folder: Path) -> NamedClips:
    return NamedClips({"file": FileClips((folder,), ClipLimits(bytes_max=100))})


async def failure(clips: NamedClips, url: str) -> ClipError:
    with pytest.raises(ClipError) as caught:
        async with clips.fetched(url):
            pass
    return caught.value


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "FILE://localhost{path}"])
async def test_a_file_is_read_where_it_lies(clips: NamedClips, folder: Path, form: str) -> None:
    async with clips.fetched(form.format(path=folder / "a clip.mp4")) as path:
        assert path == folder / "a clip.mp4"


async def test_a_file_url_may_be_percent_encoded(clips: NamedClips, folder: Path) -> None:
    async with clips.fetched((folder / "a clip.mp4").as_uri()) as path:
        assert path == folder / "a clip.mp4"


async def test_the_file_is_still_there_afterwards(clips: NamedClips, folder: Path) -> None:
    async with clips.fetched(str(folder / "a clip.mp4")) as path:
        pass

    assert path.exists()


@pytest.mark.parametrize(
    "form",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "{folder}/../secret.mp4",
        "file://{folder}/../secret.mp4",
        "file://{folder}/%2e%2e/secret.mp4",
        "file://{folder}/x/../../secret.mp4",
        "{folder}-not/a.mp4",
        "file://example.org{folder}/a%20clip.mp4",
        "file:a.mp4",
        "file://{folder}/a\0.mp4",
        "{folder}/../nobody-knows.mp4",
    ],
)
async def test_nothing_outside_the_folders_is_read(
    clips: NamedClips, folder: Path, form: str
) -> None:
    assert (await failure(clips, form.format(folder=folder))).reason == "forbidden"


async def test_a_link_that_leads_out_is_forbidden(clips: NamedClips, folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder.parent / "secret.mp4")

    assert (await failure(clips, str(folder / "link.mp4"))).reason == "forbidden"


async def test_a_linked_folder_that_leads_out_is_forbidden(clips: NamedClips, folder: Path) -> None:
    (folder / "linked").symlink_to(folder.parent)

    assert (await failure(clips, str(folder / "linked" / "secret.mp4"))).reason == "forbidden"


async def test_a_link_to_itself_is_forbidden(clips: NamedClips, folder: Path) -> None:
    (folder / "loop").symlink_to(folder / "loop")

    assert (await failure(clips, str(folder / "loop"))).reason in {"forbidden", "refused"}


async def test_a_link_within_the_folders_is_followed(clips: NamedClips, folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder / "a clip.mp4")

    async with clips.fetched(str(folder / "link.mp4")) as path:
        assert path == folder / "a clip.mp4"


async def test_the_remedy_is_named(clips: NamedClips) -> None:
    assert "VIDETTE_CLIP_FOLDERS" in (await failure(clips, "/etc/passwd")).detail


async def test_no_such_file_is_not_found(clips: NamedClips, folder: Path) -> None:
    assert (await failure(clips, str(folder / "none.mp4"))).reason == "not_found"


async def test_a_file_of_no_bytes_is_empty(clips: NamedClips, folder: Path) -> None:
    (folder / "empty.mp4").touch()

    assert (await failure(clips, str(folder / "empty.mp4"))).reason == "empty"


async def test_a_large_file_is_too_large(clips: NamedClips, folder: Path) -> None:
    (folder / "large.mp4").write_bytes(bytes(101))

    assert (await failure(clips, str(folder / "large.mp4"))).reason == "too_large"


async def test_a_pipe_is_forbidden(clips: NamedClips, folder: Path) -> None:
    os.mkfifo(folder / "pipe.mp4")

    assert (await failure(clips, str(folder / "pipe.mp4"))).reason == "forbidden"


@pytest.mark.parametrize("url", ["rtsp://camera/1", "s3://bucket/a.mp4", "a.mp4", "../a.mp4", "c:"])
async def test_a_scheme_that_we_do_not_speak_is_forbidden(clips: NamedClips, url: str) -> None:
    assert (await failure(clips, url)).reason == "forbidden"


async def test_a_scheme_without_a_source_names_those_with_one(clips: NamedClips) -> None:
    assert "clips come by file" in (await failure(clips, "rtsp://camera/1")).detail
