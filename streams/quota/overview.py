"""How budgets stand, limit by limit, for people and programs."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from streams.providers.prices import text
from streams.quota.amounts import Measure, Window
from streams.quota.limits import exhausted_at
from streams.quota.ports import Standing


class Stands(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of one window; `provider` `*` is all beyond the site together.

    `taken` is spent or lent to workers; of it `lent` may still come back. Without a limit, what is
    used is told all the same. `exhausted_at`: if spending goes on as it did in this window.
    """

    provider: str
    window: Window
    window_began: datetime
    window_ends: datetime
    measure: Measure
    taken: str
    lent: str
    limit: str | None
    percent: int | None
    exhausted_at: datetime | None


def stands(standings: Iterable[Standing], at: datetime) -> Iterator[Stands]:
    """In the order of the standings."""
    for standing in standings:
        one, lent = standing.counted, dict(standing.lent.measures)
        for measure, taken in one.taken.measures:
            limit = one.place.caps.of(measure)
            then = exhausted_at(one.began, at, taken, limit) if limit else None
            yield Stands(
                provider=one.place.scope,
                window=one.place.window,
                window_began=one.began,
                window_ends=one.ends,
                measure=measure,
                taken=text(taken),
                lent=text(lent[measure]),
                limit=None if limit is None else text(limit),
                percent=int(taken * 100 / limit) if limit else None,
                exhausted_at=then if then and then < one.ends else None,
            )
