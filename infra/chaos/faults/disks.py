"""Disks of limited size: a tmpfs under a server's data, filled by a ballast file and freed again.

Mounts are made in a mount namespace of our own, which ends with the last process in it: whatever
becomes of us, none is left behind.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIZE_BYTES: Final = 1 << 30
CLONE_NEWNS: Final = 0x00020000
"""unshare(2): a copy of the mounts for this thread and all that it starts."""


class NotPermitted(Exception):  # noqa: N818  # what the system said, in a sentence
    """Mounting is not permitted here."""


@dataclass(frozen=True)
class Disk:
    """One tmpfs."""

    folder: Path

    @property
    def ballast(self) -> Path:
        """What fills it."""
        return self.folder / "ballast"

    def fill(self) -> None:
        """Not a byte is left."""
        with self.ballast.open("wb") as file:
            free = os.statvfs(self.folder)
            try:
                os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize))
            except OSError:  # somebody took some of it meanwhile: take what is left, page by page
                _pad(file.fileno())

    def free(self) -> None:
        """There is room again."""
        self.ballast.unlink(missing_ok=True)


@contextmanager
def disks(folders: Sequence[Path]) -> Iterator[list[Disk]]:
    """A tmpfs on each folder, as long as the context lasts. Raises NotPermitted."""
    with ExitStack() as stack:
        _own_mounts()
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "vidette-chaos", str(folder))
            stack.callback(_run, "umount", "--lazy", str(folder))
        yield [Disk(folder) for folder in folders]


def _own_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        text = f"no mount namespace of our own: {os.strerror(ctypes.get_errno())}"
        raise NotPermitted(text)
    _run("mount", "--make-rprivate", "/")


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        text = f"the program `{program}` is missing"
        raise NotPermitted(text)
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPermitted(done.stderr.strip() or f"{program} failed")


def _pad(handle: int) -> None:
    page = bytes(4096)
    try:
        while os.write(handle, page):
            pass
    except OSError:
        return
