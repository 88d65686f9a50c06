"""The demo's clips are the same wherever they are made."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.demo.video import make_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def clips(folder: Path) -> Mapping[str, Path]:
    return make_clips(folder, 3)


def test_the_same_seed_gives_the_same_clips(clips: Mapping[str, Path], tmp_path: Path) -> None:
    again = make_clips(tmp_path, 3)

    assert {name: path.read_bytes() for name, path in clips.items()} == {
        name: path.read_bytes() for name, path in again.items()
    }


def test_clips_that_are_there_are_not_made_again(clips: Mapping[str, Path], folder: Path) -> None:
    times = {name: path.stat().st_mtime_ns for name, path in clips.items()}

    again = make_clips(folder, 3)

    assert {name: path.stat().st_mtime_ns for name, path in again.items()} == times


def test_nothing_but_clips_and_snapshots_is_left(clips: Mapping[str, Path], folder: Path) -> None:
    assert set(folder.iterdir()) == set(clips.values())
