"""Clips in a folder of this machine: read where they lie, and only below the folders allowed."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.clips.limits import ClipLimits
from streams.ports import ClipError

_REMEDY = "VIDETTE_CLIP_FOLDERS names the folders that clips may be read from"


@dataclass(frozen=True)
class FileClips:
    """`file:///a/b.mp4` or `/a/b.mp4`; symbolic links count as where they lead."""

    folders: tuple[Path, ...]
    limits: ClipLimits

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Path]:
        """The file itself, not a copy. Raises ClipError."""
        yield await asyncio.to_thread(self._allowed, url)

    def _allowed(self, url: str) -> Path:
        path = _resolved(_named(url))
        if not any(path.is_relative_to(folder.resolve()) for folder in self.folders):
            raise ClipError("forbidden", f"{path} lies outside the allowed folders; {_REMEDY}")
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ClipError("not_found", f"no such file: {path}") from error
        except OSError as error:
            raise ClipError("refused", f"{path}: {error.strerror}") from error
        self._check(path, found.st_mode, found.st_size)
        return path

    def _check(self, path: Path, mode: int, size_bytes: int) -> None:
        if not stat.S_ISREG(mode):
            raise ClipError("forbidden", f"{path} is not a regular file")
        if not size_bytes:
            raise ClipError("empty", f"{path} has 0 bytes")
        if size_bytes > self.limits.bytes_max:
            text = f"{size_bytes} bytes; at most {self.limits.bytes_max} are taken"
            raise ClipError("too_large", text)


def _named(url: str) -> Path:
    if url.startswith("/"):
        return Path(url)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ClipError("forbidden", f"{url[:200]!r} is no URL: {error}") from error
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise ClipError("forbidden", "a file is named by file:///absolute/path on this machine")
    return Path(unquote(parts.path))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        text = f"{str(path)[:500]!r} is no path: {type(error).__name__}"
        raise ClipError("forbidden", text) from error
