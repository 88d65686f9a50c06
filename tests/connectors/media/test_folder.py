"""What only the folder promises: its layout, and that a reader never sees half a file."""

from hashlib import sha256
from pathlib import Path

import pytest

from connectors.media.folder import FolderStore
from streams.ports import StoreAway


async def test_content_lies_two_folders_deep_by_its_hash(tmp_path: Path) -> None:
    digest = await FolderStore(tmp_path).put(b"x")

    assert files(tmp_path) == [Path(digest[:2], digest[2:4], digest)]


async def test_a_file_that_a_power_cut_left_short_is_written_again(tmp_path: Path) -> None:
    digest = sha256(b"whole").hexdigest()
    path = tmp_path / digest[:2] / digest[2:4] / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")

    await FolderStore(tmp_path).put(b"whole")

    assert path.read_bytes() == b"whole"


async def test_a_file_that_can_not_be_read_is_a_store_that_is_away(tmp_path: Path) -> None:
    digest = sha256(b"x").hexdigest()
    (tmp_path / digest[:2] / digest[2:4] / digest).mkdir(parents=True)

    with pytest.raises(StoreAway):
        await FolderStore(tmp_path).get(digest)


def files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
