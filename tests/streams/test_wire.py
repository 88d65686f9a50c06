from datetime import UTC, datetime

import pytest

from schemas.fields import EARLIEST, LATEST
from streams import wire
from streams.records import Partition, Record


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (-99_999_999_999_999, EARLIEST),
        (-1, EARLIEST),
        (2**62, LATEST),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)),
    ],
)
def test_whatever_time_a_record_claims_has_an_instant(milliseconds: int, said: datetime) -> None:
    record = Record(Partition("t", 0), 0, None, b"{}", (), milliseconds)

    assert wire.recorded_at(record) == said
