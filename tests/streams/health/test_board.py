import msgspec
import pytest

from schemas.examples.operation import WARNED
from streams.providers.health.board import Claim
from tests.streams.health.scene import (
    ANSWER,
    Log,
    Worker,
    at,
    failure,
    folded,
    said,
)


@pytest.fixture
def log() -> Log:
    return Log()


def pair(log: Log) -> tuple[Worker, Worker]:
    return Worker(log, "w1"), Worker(log, "w2")


def test_what_is_well_may_be_asked(log: Log) -> None:
    assert Worker(log).asks(0) is None


def test_an_opened_breaker_is_open_for_who_opened_it_before_the_log_has_it(log: Log) -> None:
    worker = Worker(log)

    worker.opens()

    assert (worker.why_not(1), log.records) == ("breaker_open", [])


def test_an_opened_breaker_is_open_for_all_who_have_read_of_it(log: Log) -> None:
    first, second = pair(log)
    first.opens()
    first.write()

    before = second.why_not(1)
    second.read()

    assert (before, second.why_not(1)) == (None, "breaker_open")


def test_a_worker_that_starts_knows_what_the_log_knows(log: Log) -> None:
    first, _ = pair(log)
    first.opens()
    first.settle()

    late = Worker(log, "w3")
    late.read()

    assert late.why_not(1) == "breaker_open"


def test_the_refusal_says_why_and_until_when(log: Log) -> None:
    worker = Worker(log)
    worker.opens()

    refusal = worker.asks(1)

    assert refusal is not None
    assert not isinstance(refusal, Claim)
    assert refusal.detail == "it is timeout; until 2026-03-14 08:01:00 UTC"
    assert refusal.error_class == "timeout"


def test_two_who_open_at_once_agree_on_the_first(log: Log) -> None:
    first, second = pair(log)
    first.opens(0)
    second.opens(1)
    second.write()
    first.write()

    first.settle()
    second.settle()
    first.settle()
    second.settle()

    assert first.board.breaker("openai") == second.board.breaker("openai")
    assert said(folded(log.records)) == said(folded(log.compacted(len(log.records))))
    assert first.board.states.breaker("openai").until == at(61)  # type: ignore[union-attr]  # w2's


def test_when_the_pause_is_over_one_claim_is_made(log: Log) -> None:
    worker = Worker(log)
    worker.opens()
    worker.settle()

    assert [worker.why_not(60), worker.why_not(60)] == ["claimed", "probe_taken"]


def test_of_two_claims_the_first_in_the_log_holds(log: Log) -> None:
    first, second = pair(log)
    first.opens()
    first.settle()
    second.read()
    claims = [first.asks(60), second.asks(60)]
    second.write()
    first.write()
    first.read()
    second.read()

    assert [isinstance(claim, Claim) for claim in claims] == [True, True]
    held = [
        worker.board.holds(claim)
        for worker, claim in zip((first, second), claims, strict=True)
        if isinstance(claim, Claim)
    ]
    assert held == [False, True]
    assert first.why_not(61) == "probe_taken"


def probing(log: Log) -> tuple[Worker, Worker]:
    """Two workers, of which the first may probe."""
    first, second = pair(log)
    first.opens()
    first.settle()
    second.read()
    assert first.why_not(60) == "claimed"
    first.settle()
    second.read()
    return first, second


def test_a_probe_that_is_answered_closes_the_breaker_for_all(log: Log) -> None:
    first, second = probing(log)

    first.saw(ANSWER, 61)
    first.settle()
    second.read()

    assert (first.why_not(61), second.why_not(61)) == (None, None)


def test_a_probe_that_is_refused_with_words_closes_it_as_well(log: Log) -> None:
    first, _ = probing(log)

    first.saw(failure("bad_request"), 61)

    assert first.why_not(61) is None


def test_a_probe_that_fails_opens_it_again_for_as_long(log: Log) -> None:
    first, second = probing(log)

    first.saw(failure("network"), 70)
    first.settle()
    second.read()

    assert [second.why_not(s) for s in (71, 129, 130)] == [
        "breaker_open",
        "breaker_open",
        "claimed",
    ]


def test_somebody_elses_call_from_before_decides_no_probe(log: Log) -> None:
    _, second = probing(log)

    second.saw(ANSWER, 61)
    second.saw(failure("timeout"), 61)

    assert second.why_not(61) == "probe_taken"


def test_a_claim_that_led_to_nothing_expires(log: Log) -> None:
    _, second = probing(log)

    assert [second.why_not(s) for s in (89, 90)] == ["probe_taken", "claimed"]


def test_counting_begins_anew_when_the_breaker_has_closed(log: Log) -> None:
    first, _ = probing(log)
    first.saw(ANSWER, 61)
    first.settle()

    for _ in range(4):
        first.saw(failure("timeout"), 62)

    assert first.why_not(63) is None


def test_a_claim_nobody_waits_for_is_withdrawn(log: Log) -> None:
    worker = Worker(log)
    worker.opens()
    worker.settle()
    claim = worker.asks(60)
    assert isinstance(claim, Claim)

    worker.board.withdraw(claim)

    assert list(worker.board.outbox()) == []
    assert worker.why_not(61) == "claimed"


def test_a_breaker_that_the_log_never_took_closes_when_its_pause_is_over(log: Log) -> None:
    worker = Worker(log)
    worker.opens()

    worker.board.look(at(60))

    assert worker.why_not(60) is None
    worker.saw(failure("timeout"), 61)
    assert worker.why_not(62) == "breaker_open"


def test_a_warning_of_a_quota_is_kept_and_refuses_nobody(log: Log) -> None:
    worker = Worker(log)
    later = msgspec.structs.replace(WARNED, percent=90, provider="openai")

    for state in (msgspec.structs.replace(later, percent=75), later):
        worker.board.read(state)

    assert list(worker.board.states.all()) == [later]
    assert worker.why_not(0) is None
