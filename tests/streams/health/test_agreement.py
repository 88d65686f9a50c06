"""Several workers, one log: whatever happens in which order, all come to know the same."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.attempts import ErrorClass
from schemas.examples.operation import BLACKLISTED, BREAKER
from schemas.providers import ProviderStates
from streams.providers.health.board import Claim
from streams.providers.health.states import States, numbered
from tests.streams.health.scene import (
    ANSWER,
    Log,
    Worker,
    at,
    blacklist,
    failure,
    folded,
    lift,
    said,
)

RECORDS = st.builds(
    lambda which, version, worker: numbered(
        msgspec.structs.replace(which, worker=worker, provider="openai"), version
    ),
    st.sampled_from([BREAKER, BLACKLISTED]),
    st.integers(1, 9),
    st.sampled_from(["w1", "w2", "w3"]),
)
WORKERS = st.integers(0, 2)
ERRORS: st.SearchStrategy[ErrorClass] = st.sampled_from(
    ["timeout", "network", "auth", "server", "quota", "model_unavailable", "bad_request"]
)


@given(history=st.lists(RECORDS, max_size=30), data=st.data())
def test_redelivery_changes_nothing(history: list[ProviderStates], data: st.DataObject) -> None:
    again = data.draw(st.integers(0, len(history)))

    assert folded(history) == folded([*history, *history[:again], *history[again:]])


@given(history=st.lists(RECORDS, min_size=1, max_size=30))
def test_what_is_restated_makes_compaction_harmless(history: list[ProviderStates]) -> None:
    states = States()
    for record in history:
        states.apply(record)
    log = Log([*history, *states.restatements()])

    assert said(folded(log.compacted(len(log.records)))) == said(folded(history))


class Site(RuleBasedStateMachine):
    """Three workers that read late, write late and are killed; commands; time that passes."""

    @initialize()
    def begin(self) -> None:
        self.log = Log()
        self.now_s = 0.0
        self.commands = 0
        self.started = 3
        self.workers = [Worker(self.log, f"w{n}") for n in range(3)]
        self.claims: dict[str, Claim] = {}
        self.probing: dict[int, set[str]] = {}
        self.workers[0].opens()
        self.workers[0].write()
        for worker in self.workers:
            worker.read()
        self.now_s = 61.0

    @rule(worker=WORKERS, error=ERRORS, times=st.integers(1, 6))
    def fails(self, worker: int, error: ErrorClass, times: int) -> None:
        for _ in range(times):
            self.workers[worker].saw(failure(error), self.now_s)

    @rule(worker=WORKERS)
    def answers(self, worker: int) -> None:
        self.workers[worker].saw(ANSWER, self.now_s)

    @rule(worker=WORKERS)
    def asks(self, worker: int) -> None:
        found = self.workers[worker].asks(self.now_s)
        if isinstance(found, Claim):
            self.claims[self.workers[worker].name] = found
            self.workers[worker].write()

    @rule(worker=WORKERS, records=st.integers(1, 3))
    def reads(self, worker: int, records: int) -> None:
        self.workers[worker].read(records)

    @rule(worker=WORKERS)
    def writes(self, worker: int) -> None:
        self.workers[worker].write()

    @rule(worker=WORKERS)
    def looks(self, worker: int) -> None:
        self.workers[worker].board.look(at(self.now_s))

    @rule(lists=st.booleans(), minutes=st.sampled_from([None, 1.0]))
    def commands_arrive(self, *, lists: bool, minutes: float | None) -> None:
        self.commands += 1
        number = self.commands
        order = blacklist(number, minutes, self.now_s) if lists else lift(number, self.now_s)
        for worker in self.workers:
            worker.board.orders.apply(order)

    @rule(seconds=st.sampled_from([1.0, 29.0, 61.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(worker=WORKERS)
    def is_killed_and_started(self, worker: int) -> None:
        self.started += 1
        killed = self.workers[worker]
        self.claims.pop(killed.name, None)
        new = Worker(self.log, f"w{self.started}")
        new.board.orders = self.workers[worker].board.orders
        new.read()
        self.workers[worker] = new

    @invariant()
    def a_probe_is_never_given_twice(self) -> None:
        for worker in self.workers:
            claim = self.claims.get(worker.name)
            if claim and worker.board.holds(claim):
                self.probing.setdefault(claim.state.version, set()).add(worker.name)
        assert [names for names in self.probing.values() if len(names) > 1] == []

    def teardown(self) -> None:
        """Everybody says and reads all there is: they agree, and who starts on what is left too."""
        if not hasattr(self, "workers"):
            return
        for _ in range(60):
            for worker in self.workers:
                worker.board.look(at(self.now_s))
                worker.settle()
        quiet = len(self.log.records)
        for worker in self.workers:
            worker.board.look(at(self.now_s))
            worker.settle()
            worker.read()
        assert len(self.log.records) == quiet
        known = [list(worker.board.states.all()) for worker in self.workers]
        assert known[0] == known[1] == known[2] == folded(self.log.records)
        left = self.log.compacted(len(self.log.records))
        assert said(folded(left)) == said(known[0])


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=150, stateful_step_count=40)
