import pytest

from schemas.providers import BlacklistChanged
from streams.providers.ports import Profile
from tests.streams.health.scene import (
    ANSWER,
    OPENAI,
    Log,
    Still,
    Worker,
    at,
    blacklist,
    failure,
    folded,
    lift,
)

OTHER_KEY = Still(profile=Profile(fingerprint="bbbb"))
OTHER_MODEL = Still(model="model-2")


@pytest.fixture
def log() -> Log:
    return Log()


def pair(log: Log) -> tuple[Worker, Worker]:
    return Worker(log, "w1"), Worker(log, "w2")


def test_a_wrong_key_keeps_away_who_has_it_and_nobody_else(log: Log) -> None:
    first, second = pair(log)
    first.saw(failure("auth"), 0)
    first.settle()
    second.read()

    assert second.why_not(10**6, OPENAI) == "blacklisted"
    assert second.why_not(1, OTHER_KEY) is None


def test_two_wrong_keys_are_both_remembered(log: Log) -> None:
    first, second = pair(log)
    first.saw(failure("auth"), 0)
    first.settle()
    second.read()
    second.saw(failure("auth"), 1, OTHER_KEY)
    second.settle()
    first.read()

    assert [first.why_not(2, key) for key in (OPENAI, OTHER_KEY)] == ["blacklisted", "blacklisted"]


def test_a_model_that_is_gone_keeps_away_from_that_model_only(log: Log) -> None:
    worker = Worker(log)

    worker.saw(failure("model_unavailable"), 0)

    assert [worker.why_not(1, p) for p in (OPENAI, OTHER_MODEL)] == ["blacklisted", None]


def test_a_server_error_lists_for_five_minutes(log: Log) -> None:
    worker = Worker(log)

    worker.saw(failure("server"), 0)

    assert [worker.why_not(s) for s in (299, 300)] == ["blacklisted", None]


def test_with_two_strikes_one_server_error_lists_nothing_and_an_answer_ends_the_row(
    log: Log,
) -> None:
    worker = Worker(log, strikes_max=2)
    for result in (failure("server"), ANSWER, failure("server")):
        worker.saw(result, 0)

    assert worker.why_not(1) is None
    worker.saw(failure("server"), 2)
    assert worker.why_not(3) == "blacklisted"


def test_an_operator_lists_and_lifts(log: Log) -> None:
    worker = Worker(log)

    worker.board.orders.apply(blacklist(1))
    listed = worker.why_not(10**6)
    worker.board.orders.apply(lift(2))

    assert (listed, worker.why_not(10**6)) == ("blacklisted", None)


def test_an_operators_order_ends_after_its_minutes(log: Log) -> None:
    worker = Worker(log)

    worker.board.orders.apply(blacklist(1, minutes=2))

    assert [worker.why_not(s) for s in (119, 120)] == ["blacklisted", None]


def test_an_operator_lifts_what_an_error_listed(log: Log) -> None:
    worker = Worker(log)
    worker.saw(failure("auth"), 0)
    worker.settle()

    worker.board.orders.apply(lift(1))

    assert worker.why_not(1) is None


def test_an_operators_clock_may_be_wrong(log: Log) -> None:
    worker = Worker(log)
    worker.saw(failure("auth"), 1_000)
    worker.settle()

    worker.board.orders.apply(lift(1, at_s=-5_000))

    assert worker.why_not(1_001) is None


def test_an_old_order_lifts_nothing_that_came_after_it(log: Log) -> None:
    first, _ = pair(log)
    first.board.orders.apply(lift(1))
    first.saw(failure("auth"), 10)
    first.settle()

    late = Worker(log, "w3")
    late.board.orders.apply(lift(1))
    late.read()

    assert late.why_not(11) == "blacklisted"


def test_a_command_that_is_read_twice_counts_once(log: Log) -> None:
    worker = Worker(log)
    for command in (lift(1), lift(1)):
        worker.board.orders.apply(command)
    worker.saw(failure("auth"), 10)
    worker.settle()

    worker.board.orders.apply(lift(1))

    assert worker.why_not(11) == "blacklisted"


def test_what_commands_changed_is_said_on_the_log_once_by_all(log: Log) -> None:
    first, second = pair(log)
    for worker in (first, second):
        worker.board.orders.apply(blacklist(1))
        worker.board.look(at(1))
        worker.write()
    for worker in (first, second):
        worker.read()
        for second_s in (2, 3, 4):
            worker.board.look(at(second_s))
        worker.write()

    assert log.records[0] == log.records[1]
    assert len(log.records) == 2
    (state,) = folded(log.records)
    assert isinstance(state, BlacklistChanged)
    assert (state.listed, state.commands, state.worker) == (True, 1, "anna")
