"""What is told of budgets: words with ids that follow from what they say, and a table."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from schemas.codec import encode
from streams.quota import words
from streams.quota.amounts import Amounts
from streams.quota.limits import Caps, Counted, Crossing, Place, crossings
from streams.quota.overview import stands
from streams.quota.ports import HourUsed, Standing
from streams.topics import PROVIDER_STATE

NOON: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY: Final = Counted(
    Place("openai", "day", Caps(requests=100)), NOON.replace(hour=0), Amounts(80, 10, Decimal(2))
)
HOUR: Final = HourUsed("openai", NOON, Amounts(5, 900, Decimal("0.0105")))


def crossing(at: datetime = NOON) -> Crossing:
    (found,) = crossings(DAY, at)
    return found


def test_a_warning_has_the_same_id_whoever_tells_it_and_when() -> None:
    first = words.warned(crossing(), "worker-1")
    again = words.warned(crossing(NOON + timedelta(minutes=1)), "worker-2")

    assert (first.id, first.percent, first.used, first.limit) == (again.id, 75, "80", "100")


def test_a_warning_foresees_when_the_limit_is_used_up() -> None:
    assert words.warned(crossing(), "w").exhausted_at == NOON.replace(hour=15)


def test_what_lasts_beyond_its_window_is_not_foreseen() -> None:
    late = NOON.replace(hour=23)

    assert words.warned(crossing(late), "w").exhausted_at is None


def test_an_hour_has_one_id_whoever_tells_of_it() -> None:
    assert words.used(HOUR, "worker-1").id == words.used(HOUR, "worker-2").id


def test_what_is_told_can_be_read() -> None:
    for word in (words.warned(crossing(), "w"), words.used(HOUR, "w")):
        assert PROVIDER_STATE.codec.decode(encode(word)) == word


def test_the_table_has_every_measure_and_what_of_it_may_come_back() -> None:
    found = list(stands([Standing(DAY, Amounts(16))], NOON))

    assert [(one.measure, one.taken, one.lent, one.limit, one.percent) for one in found] == [
        ("requests", "80", "16", "100", 80),
        ("tokens", "10", "0", None, None),
        ("cost_usd", "2", "0", None, None),
    ]
