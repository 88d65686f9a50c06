"""A media store that is a folder: content by its own hash, written once and never changed."""

import asyncio
import os
import re
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from streams.ports import StoreAway

HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class FolderStore:
    """Content lies at `aa/bb/<sha256>` below `folder`, which is made when first needed."""

    folder: Path

    async def put(self, content: bytes) -> str:
        """Stores the content and returns its hash; after that it survives a power cut.

        Raises StoreAway.
        """
        try:
            return await asyncio.to_thread(self._put, content)
        except OSError as error:
            text = f"{self.folder}: {error.strerror or error}"
            raise StoreAway(text) from error

    async def get(self, sha256: str) -> bytes | None:
        """The content; None when it is not there, or when the name is no hash at all.

        Raises StoreAway.
        """
        if not HASH.fullmatch(sha256):
            return None
        try:
            return await asyncio.to_thread(self._get, sha256)
        except OSError as error:
            text = f"{self.folder}: {error.strerror or error}"
            raise StoreAway(text) from error

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:4] / digest

    def _get(self, digest: str) -> bytes | None:
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            return None

    def _put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        path = self._path(digest)
        if not _whole(path, len(content)):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)
        return digest


def _whole(path: Path, size_bytes: int) -> bool:
    """Whether the file is there; a size that differs is what a failing disk leaves behind."""
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Writes aside and renames: a reader sees the whole content or none."""
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    """The new name is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
