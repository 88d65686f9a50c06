"""What every media store promises."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.media.folder import FolderStore
from connectors.memory.media import MemoryMedia
from streams.ports import MediaStore


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    return (
        FolderStore(tmp_path / "not-yet" / "media") if request.param == "folder" else MemoryMedia()
    )


async def test_what_was_put_can_be_got_by_its_hash(store: MediaStore) -> None:
    digest = await store.put(b"a frame")

    assert (digest, await store.get(digest)) == (sha256(b"a frame").hexdigest(), b"a frame")


async def test_no_content_is_content(store: MediaStore) -> None:
    assert await store.get(await store.put(b"")) == b""


async def test_what_was_never_put_is_none(store: MediaStore) -> None:
    assert await store.get(sha256(b"unknown").hexdigest()) is None


async def test_putting_twice_changes_nothing(store: MediaStore) -> None:
    assert await store.put(b"again") == await store.put(b"again")


async def test_many_may_put_the_same_content_at_once(store: MediaStore) -> None:
    digests = await asyncio.gather(*(store.put(b"at once") for _ in range(20)))

    assert (set(digests), await store.get(digests[0])) == ({digests[0]}, b"at once")


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../etc/passwd", "/etc/passwd", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n"],
)
async def test_a_name_that_is_no_hash_is_never_there(store: MediaStore, name: str) -> None:
    assert await store.get(name) is None


@given(content=st.binary(max_size=4096))
def test_any_bytes_come_back_as_they_went(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = FolderStore(tmp_path_factory.getbasetemp() / "any-bytes")

    assert asyncio.run(_round(store, content)) == content


async def _round(store: FolderStore, content: bytes) -> bytes | None:
    return await store.get(await store.put(content))
