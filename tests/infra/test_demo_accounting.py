"""The demo's balance: each test breaks one thing, and the balance must say so."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from infra.demo.accounting import Balance, Ledger, Logged, Row, Sent, carriers, compare
from streams import identity

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
CAMERA = identity.camera_id("demo", "gate")
EVENTS = [identity.time_ordered(NOW, "event", str(n)) for n in range(4)]
RESULTS = [identity.time_ordered(NOW, "result", str(n)) for n in range(3)]
OUTCOMES = ("described", "undescribed", "skipped", "described")
TWICE = EVENTS[3]


class World:
    """Four camera events (the last published twice) and three results, all of them in order."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        for id_ in EVENTS:
            self.ledger.camera_event(id_, Sent(CAMERA, NOW, NOW, 2 if id_ == TWICE else 1))
        for id_ in RESULTS:
            self.ledger.inference(id_, Sent(CAMERA, NOW, NOW))
        self.rows = [row(id_, outcome) for id_, outcome in zip(EVENTS, OUTCOMES, strict=True)]
        self.rows += [row(id_, "recorded") for id_ in RESULTS]
        self.logged = Logged(
            outcomes=Counter(map(identity.outcome_id, EVENTS)), inferences=Counter(RESULTS)
        )

    def balance(self) -> Balance:
        return compare(self.ledger, self.rows, self.logged)


def row(event_id: UUID, outcome: str, *, id_: UUID | None = None) -> Row:
    described = outcome == "described"
    id_ = id_ or (event_id if outcome == "recorded" else identity.outcome_id(event_id))
    recorded_at = NOW + timedelta(seconds=2)
    return Row(id_, event_id, CAMERA, outcome, "motion" if described else None, recorded_at)


@pytest.fixture
def world() -> World:
    return World()


def test_all_in_order_is_even(world: World) -> None:
    balance = world.balance()

    assert balance.is_even
    assert balance.facts(1.5) == {
        "camera_events": 4,
        "described": 2,
        "degraded": 0,
        "undescribed": 1,
        "skipped": 1,
        "dead_lettered": 0,
        "inference_results": 3,
        "recorded": 3,
        "inferences_dead_lettered": 0,
        "lost": 0,
        "duplicated": 0,
        "seconds": 1.5,
        "by_provider": {"motion": 2},
        "latency_ms_p50": 2000.0,
        "latency_ms_p95": 2000.0,
    }


def test_an_event_without_row_and_letter_is_lost(world: World) -> None:
    world.rows.pop(1)

    assert world.balance().lost == (EVENTS[1],)
    assert not world.balance().is_even


def test_a_result_without_a_row_is_lost(world: World) -> None:
    world.rows.pop()

    assert world.balance().lost == (RESULTS[2],)
    assert world.balance().recorded == 2


def test_a_row_that_the_log_does_not_know_is_lost(world: World) -> None:
    del world.logged.outcomes[identity.outcome_id(EVENTS[0])]

    assert world.balance().lost == (EVENTS[0],)


def test_a_second_row_is_a_double(world: World) -> None:
    world.rows.append(row(EVENTS[0], "described", id_=uuid4()))

    assert world.balance().duplicated == (EVENTS[0],)


def test_a_second_row_of_a_repeated_event_is_a_double_too(world: World) -> None:
    world.rows.append(row(TWICE, "described", id_=uuid4()))

    assert world.balance().duplicated == (TWICE,)


def test_a_second_record_in_the_log_is_a_double(world: World) -> None:
    world.logged.outcomes[identity.outcome_id(EVENTS[2])] += 1
    world.logged.inferences[RESULTS[0]] += 1

    assert world.balance().duplicated == (EVENTS[2], RESULTS[0])


def test_a_repeat_may_be_twice_in_the_log(world: World) -> None:
    world.logged.outcomes[identity.outcome_id(TWICE)] += 1

    assert world.balance().is_even


@pytest.mark.parametrize("carrier", carriers(EVENTS[1]))
def test_a_dead_letter_accounts_for_its_event(world: World, carrier: UUID) -> None:
    world.rows.pop(1)
    world.logged.letters[carrier] += 1
    balance = world.balance()

    assert balance.is_even
    assert balance.dead_lettered == 1
    assert sum(balance.outcomes.values()) + balance.dead_lettered == balance.camera_events


def test_a_dead_letter_accounts_for_its_result(world: World) -> None:
    world.rows.pop()
    world.logged.letters[RESULTS[2]] += 1

    assert world.balance().is_even
    assert world.balance().inferences_dead == 1


def test_an_outcome_as_well_as_a_dead_letter_is_a_double(world: World) -> None:
    world.logged.letters[EVENTS[0]] += 1

    assert world.balance().duplicated == (EVENTS[0],)


def test_two_dead_letters_of_one_event_are_a_double(world: World) -> None:
    world.rows.pop(0)
    world.logged.letters.update(carriers(EVENTS[0])[:2])

    assert world.balance().duplicated == (EVENTS[0],)


def test_what_others_published_is_passed_over(world: World) -> None:
    stranger = uuid4()
    world.rows.append(row(stranger, "described"))
    world.logged.outcomes[identity.outcome_id(stranger)] += 2
    world.logged.letters[stranger] += 1

    assert world.balance() == replace(World().balance())


def test_an_input_is_settled_once(world: World) -> None:
    assert world.ledger.settle(EVENTS[0]) is not None
    assert world.ledger.settle(EVENTS[0]) is None
    assert world.ledger.settle(uuid4()) is None
    assert len(world.ledger.outstanding) == 6
