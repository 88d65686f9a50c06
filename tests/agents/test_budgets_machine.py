"""Workers that reserve, call, settle, freeze and die in any order, the store away at times: no
limit is ever exceeded, and in the end all of it was spent.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeVar
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.budgets import LeasedBudgets
from connectors.memory.quota.budgets import MemoryBudgets
from streams.ports import StoreAway
from streams.providers.ports import ProviderError, Reply, Reservation
from streams.quota.amounts import NOTHING, ONE_REQUEST, Amounts
from streams.quota.limits import Caps, Limits
from streams.quota.ports import Lost, Terms
from tests.agents.spending import ASKED, NOW, PRICES, REPLY, HandClock, Named

T = TypeVar("T")

REQUESTS: Final = 60
LIMITS: Final = Limits(
    {"month": Caps(REQUESTS, 1_000_000)}, {"openai": {"month": Caps(cost_usd=Decimal("0.10"))}}
)
WORKERS: Final = 3
ENDS: Final[tuple[tuple[Reply | ProviderError, Amounts | None], ...]] = (
    (REPLY, Amounts(1, 1100, Decimal("0.00015"))),
    (ProviderError("rate_limited", "no"), ONE_REQUEST),
    (ProviderError("timeout", "late"), None),  # as much as it was promised
)
workers = st.integers(0, WORKERS - 1)


@dataclass
class Log:
    """What `ai.attempts.v1` would say."""

    calls: dict[UUID, tuple[UUID, Amounts]] = field(default_factory=dict)

    async def used(self, lost: Collection[Lost]) -> Mapping[UUID, Amounts]:
        return {
            lease.id: sum((one for id_, one in self.calls.values() if id_ == lease.id), NOTHING)
            for lease in lost
        }


class Spending(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock, self.log = HandClock(), Log()
        self.store = MemoryBudgets(lambda: NOW + timedelta(seconds=self.clock.passed_s))
        self.workers = [self.fresh() for _ in range(WORKERS)]
        self.open: list[tuple[LeasedBudgets, Reservation, float]] = []

    def fresh(self) -> LeasedBudgets:
        return LeasedBudgets(LIMITS, PRICES, self.store, self.log, self.clock, "a worker")

    def run(self, work: Coroutine[object, object, T]) -> T | None:
        try:
            return self.loop.run_until_complete(work)
        except StoreAway:
            return None

    @rule(worker=workers)
    def begin_a_call(self, worker: int) -> None:
        budgets = self.workers[worker]
        found = self.run(budgets.reserve(Named(), ASKED, uuid4()))
        if isinstance(found, Reservation) and found.lease_id:
            most = Amounts(1, found.tokens, found.cost_usd or Decimal(0))
            self.log.calls[found.attempt_id] = (found.lease_id, most)
            self.open.append((budgets, found, self.clock.passed_s))

    @rule(worker=workers)
    def reserve_and_not_call(self, worker: int) -> None:
        found = self.run(self.workers[worker].reserve(Named(), ASKED, uuid4()))
        if isinstance(found, Reservation):
            self.run(self.workers[worker].settle(found, None))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), end=st.sampled_from(ENDS))
    def end_a_call(
        self, data: st.DataObject, end: tuple[Reply | ProviderError, Amounts | None]
    ) -> None:
        place = data.draw(st.integers(0, len(self.open) - 1))
        budgets, reservation, begun = self.open.pop(place)
        if self.clock.passed_s - begun > Terms().grace_s:
            return  # no call takes so long: it counts as much as it was promised, for ever
        result, used = end
        lease_id, most = self.log.calls[reservation.attempt_id]
        self.log.calls[reservation.attempt_id] = (lease_id, most if used is None else used)
        self.run(budgets.settle(reservation, result))

    @rule(seconds=st.sampled_from((0.1, 1.0, 30.0, 59.9, 100.0, 250.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.passed_s += seconds

    @rule(worker=workers)
    def look(self, worker: int) -> None:
        self.run(self.workers[worker].look())

    @rule(worker=workers)
    def reconcile(self, worker: int) -> None:
        self.run(self.workers[worker].reconcile())

    @rule(worker=workers)
    def die(self, worker: int) -> None:
        self.open = [call for call in self.open if call[0] is not self.workers[worker]]
        self.workers[worker] = self.fresh()

    @rule(worker=workers)
    def end_in_order(self, worker: int) -> None:
        self.run(self.workers[worker].close())
        self.die(worker)

    @rule(away=st.booleans())
    def the_store_goes_or_comes(self, *, away: bool) -> None:
        self.store.away = away

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        spent = sum((used for _, used in self.log.calls.values()), NOTHING)
        assert spent.requests <= REQUESTS
        for (scope, window, _), taken in self.store.taken.items():
            if window == "month":
                caps = LIMITS.named.get(scope, LIMITS.together)["month"]
                limits = ((caps.of(measure), sum_) for measure, sum_ in taken.measures)
                assert [sum_ for cap, sum_ in limits if cap is not None and sum_ > cap] == []
                assert taken.covers(spent), "what was spent is taken"

    def teardown(self) -> None:
        """Everything is mended, everybody gone: only what was spent is still taken."""
        self.store.away = False
        self.open.clear()
        self.clock.passed_s += 1000.0
        last = self.fresh()
        self.run(last.reconcile())
        spent: Amounts = sum((used for _, used in self.log.calls.values()), NOTHING)
        standing = [sum_ for key, sum_ in self.store.taken.items() if key[:2] == ("*", "month")]
        assert standing in ([spent], []), "nothing is stranded"
        self.loop.close()


Spending.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSpending = Spending.TestCase
