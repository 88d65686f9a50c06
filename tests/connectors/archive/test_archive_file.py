"""The file that holds a log: what goes in comes out, and whatever happened to it is noticed."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.archive.file import ArchiveBroken, Head, check, head, records, writing
from streams.records import Partition, Record

HEAD = Head(1, "2026-03-01T12:00:00+00:00", {"ai.events.v1": 3})
RECORDS = [
    Record(Partition("ai.events.v1", n % 3), n, b"key", b"value %d" % n, (("ce_id", b"1"),), n)
    for n in range(5)
]

any_record = st.builds(
    Record,
    partition=st.builds(Partition, st.text(max_size=9), st.integers(0, 99)),
    offset=st.integers(0, 2**62),
    key=st.none() | st.binary(max_size=30),
    value=st.none() | st.binary(max_size=300),
    headers=st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=3).map(tuple),
    timestamp_ms=st.integers(-(2**62), 2**62),
)


def saved(file: Path, found: list[Record]) -> Path:
    with writing(file, HEAD) as writer:
        writer.write(found)
    return file


@given(found=st.lists(any_record, max_size=5))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, found: list[Record]
) -> None:
    file = saved(tmp_path_factory.mktemp("archive") / "log.gz", found)

    assert (list(records(file)), head(file)) == (found, HEAD)


def test_a_file_without_its_end_is_noticed_wherever_it_was_cut(tmp_path: Path) -> None:
    whole = saved(tmp_path / "log.gz", RECORDS).read_bytes()
    cut = tmp_path / "cut.gz"

    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(ArchiveBroken):
            check(cut)


def test_a_line_that_is_missing_is_noticed(tmp_path: Path) -> None:
    lines = gzip.decompress(saved(tmp_path / "log.gz", RECORDS).read_bytes()).splitlines(
        keepends=True
    )
    short = tmp_path / "short.gz"

    for missing in range(len(lines)):
        short.write_bytes(gzip.compress(b"".join(lines[:missing] + lines[missing + 1 :])))
        with pytest.raises(ArchiveBroken):
            check(short)


def test_a_file_that_is_something_else_is_no_archive(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a log")

    with pytest.raises(ArchiveBroken, match="is no archive"):
        head(other)


def test_nobody_sees_a_file_that_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "log.gz", HEAD) as writer:
        writer.write([RECORDS[0]] * (1 // 0))

    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    assert saved(tmp_path / "log.gz", RECORDS).stat().st_mode & 0o777 == 0o600
