"""Kafka's jars: named in `infra/locks/kafka.txt`, fetched by `jgo`, shared by all folders.

A jar is in the cache whole and checked, or not at all: an interrupted download goes on with the
next missing jar, and later starts neither touch the network nor import `jgo`.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.services.endpoints import ServicesFailed

LOCK = Path(__file__).resolve().parent.parent / "locks" / "kafka.txt"


@dataclass(frozen=True)
class Jar:
    """One line of the lock: Maven coordinates and the hash of the file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def locked() -> tuple[Jar, ...]:
    """The lock, in the order of the classpath."""
    words = (re.split(r":| sha256:", line) for line in LOCK.read_text().splitlines())
    return tuple(Jar(*fields) for fields in words)


def classpath(
    cache: Path, *, instead: Path, say: Callable[[str], None], stopped: Callable[[], bool]
) -> str:
    """Java's classpath, once what is missing was fetched; to `instead` if we can't write the cache.

    Raises `ServicesFailed` when a jar can't be had.
    """
    jars = locked()
    place = place_of_all((cache, instead))
    if place is None:
        place = _writable((cache, instead))
        _fetch_missing(jars, place, say, stopped)
    return os.pathsep.join(str(place / jar.file) for jar in jars)


def place_of_all(caches: Sequence[Path]) -> Path | None:
    """The folder that holds every jar of the lock, if one of these caches does."""
    jars = locked()
    places = (_within(cache) for cache in caches)
    return next((p for p in places if all(_is_there(p / jar.file) for jar in jars)), None)


def _is_there(file: Path) -> bool:
    """Where we may not look, nothing is there for us."""
    try:
        return file.is_file()
    except OSError:
        return False


def _within(cache: Path) -> Path:
    return cache / "kafka-jars"


def _fetch_missing(
    jars: Sequence[Jar], place: Path, say: Callable[[str], None], stopped: Callable[[], bool]
) -> None:
    missing = [jar for jar in jars if not _is_there(place / jar.file)]
    fetched = 0
    say(f"Fetching Apache Kafka: {len(missing)} of {len(jars)} files, once, about 45 MB ...")
    with (
        tempfile.TemporaryDirectory(dir=place, prefix="fetching-") as scratch,
        ThreadPoolExecutor(4, thread_name_prefix="jars") as pool,
    ):
        for jar in pool.map(lambda jar: _fetch(jar, place, Path(scratch), stopped), missing):
            fetched += 1
            if fetched % 5 == 0 or fetched == len(missing):
                say(f"Fetching Apache Kafka: {fetched} of {len(missing)} files ({jar.file})")


def _writable(caches: Sequence[Path]) -> Path:
    for place in map(_within, caches):
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK | os.X_OK):
            return place
    text = f"can't write to {caches[0]}: set VIDETTE_CACHE_FOLDER to a folder of your own."
    raise ServicesFailed(text)


def _fetch(jar: Jar, place: Path, scratch: Path, stopped: Callable[[], bool]) -> Jar:
    """Downloads, compares with the lock, and only then moves to its place."""
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - slow, and needed only once

    @contextmanager
    def watched(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        def chunk(_bytes: int) -> None:
            if stopped():
                text = "fetching Kafka was interrupted; it goes on at the next start."
                raise ServicesFailed(text)

        yield chunk

    try:
        maven = MavenContext(
            resolver=PythonResolver(progress_callback=watched), repo_cache=scratch, timeout=60
        )
        component = maven.project(jar.group, jar.artifact).at_version(jar.version)
        file = Path(component.artifact().resolve())
    except (OSError, RuntimeError) as error:  # What requests raises and what jgo raises.
        remedy = "check the network (REQUESTS_CA_BUNDLE names certificates of a proxy)"
        text = f"can't fetch {jar.file} ({error}): {remedy}, then start again to go on."
        raise ServicesFailed(text) from error
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != jar.sha256:
        text = f"{jar.file} isn't what infra/locks/kafka.txt names: don't trust this network."
        raise ServicesFailed(text)
    with file.open("rb") as written:
        os.fsync(written.fileno())
    shutil.move(file, place / jar.file)  # The same file system, so it is there at once.
    return jar


def _lock_lines(coordinates: list[str]) -> Iterator[str]:
    """Each apart: resolved together, `jgo` lets the versions that one names rule the other's."""
    import jgo  # noqa: PLC0415 - slow, and needed only when the lock is made

    seen: set[tuple[str, str]] = set()
    for artifact in (artifact for name in coordinates for artifact in jgo.resolve(name)):
        if (artifact.groupId, artifact.artifactId) not in seen:
            seen.add((artifact.groupId, artifact.artifactId))
            digest = hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()
            yield f"{artifact.groupId}:{artifact.artifactId}:{artifact.version} sha256:{digest}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _lock_lines(sys.argv[1:]))
