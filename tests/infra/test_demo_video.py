"""The demo's clips are the same wherever they are made."""

from pathlib import Path

from infra.demo.video import make_clips


def test_the_same_seed_gives_the_same_clips(tmp_path: Path) -> None:
    first, second = make_clips(tmp_path / "a", 3), make_clips(tmp_path / "b", 3)

    assert {name: path.read_bytes() for name, path in first.items()} == {
        name: path.read_bytes() for name, path in second.items()
    }


def test_clips_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    times = [path.stat().st_mtime_ns for path in make_clips(tmp_path, 3).values()]

    assert [path.stat().st_mtime_ns for path in make_clips(tmp_path, 3).values()] == times
