from itertools import product

import msgspec
import pytest

from infra.docs import values
from schemas.examples.operation import BLACKLISTED, BREAKER
from schemas.providers import BreakerState
from streams.providers.health import blacklist, breaker
from streams.providers.health.blacklist import EVERYTHING, Entry, standing
from streams.providers.health.breaker import Tally, is_silent
from streams.providers.health.fingerprint import fingerprint
from streams.providers.health.states import key, numbered
from streams.providers.reactions import REACTIONS
from tests.streams.health.scene import ANSWER, OPENAI, at, failure


def test_the_breaker_knows_every_event_in_every_state() -> None:
    assert set(breaker.TABLE) == set(product(values(BreakerState), values(breaker.Event)))


def test_the_blacklist_knows_every_event_in_every_state() -> None:
    assert set(blacklist.TABLE) == set(product(values(blacklist.State), values(blacklist.Event)))


def test_nobody_calls_through_a_breaker_that_is_not_closed_without_a_claim() -> None:
    admitted = {state for (state, _), to in breaker.TABLE.items() if to.effect == "admit"}

    assert admitted == {"closed"}


def test_every_change_of_the_breaker_is_said_to_all() -> None:
    silent = {
        row
        for row, to in breaker.TABLE.items()
        if row[0] != to.state and to.effect not in {"publish", "claim"}
    }

    assert silent == set()


def test_five_silent_calls_in_a_row_are_too_many() -> None:
    tally = Tally()
    for _ in range(4):
        tally = tally.counted(silent=True)

    assert (tally.too_often, tally.counted(silent=True).too_often) == (False, True)


def test_an_answer_ends_the_row() -> None:
    tally = Tally()
    for silent in (True, True, True, True, False, True):
        tally = tally.counted(silent=silent)

    assert not tally.too_often


def test_half_of_the_last_twenty_are_too_many() -> None:
    tally = Tally()
    for call in range(19):
        tally = tally.counted(silent=call % 2 == 1)

    assert (tally.too_often, tally.counted(silent=True).too_often) == (False, True)


@pytest.mark.parametrize("error_class", REACTIONS)
def test_only_calls_without_a_sign_of_life_count(error_class: str) -> None:
    error = failure(error_class)  # type: ignore[arg-type]  # a key of the table

    assert is_silent(error) == (error_class in {"timeout", "network"})


def test_an_answer_is_a_sign_of_life() -> None:
    assert not is_silent(ANSWER)


def test_an_entry_ends_with_its_time() -> None:
    timed = msgspec.structs.replace(BLACKLISTED, until=at(5))

    assert (standing(timed, at(4.9)), standing(timed, at(5))) == ("listed", "clear")


@pytest.mark.parametrize(
    ("error_class", "entry", "lasts_s"),
    [
        ("auth", Entry("key", "aaaa"), None),
        ("quota", EVERYTHING, 300),
        ("overloaded", EVERYTHING, 300),
        ("server", EVERYTHING, 300),
        ("model_unavailable", Entry("model", "model-1"), 300),
    ],
)
def test_each_class_lists_what_it_is_about_for_its_time(
    error_class: str, entry: Entry, lasts_s: float | None
) -> None:
    error = failure(error_class)  # type: ignore[arg-type]  # of the table

    found = blacklist.ended(OPENAI, error, strikes=1, strikes_max=1, now=at(0))

    until = None if lasts_s is None else at(lasts_s)
    assert (found.entry, found.event, found.until) == (entry, "failed", until)


def test_the_other_classes_list_nothing() -> None:
    others = REACTIONS.keys() - {"auth", "quota", "overloaded", "server", "model_unavailable"}

    events = {
        blacklist.ended(OPENAI, failure(c), strikes=9, strikes_max=1, now=at(0)).event
        for c in others
    }

    assert events == {"passed"}


def test_a_quota_that_says_when_it_is_back_is_listed_until_then() -> None:
    error = failure("quota", retry_after_s=7_200)

    assert blacklist.ended(OPENAI, error, strikes=1, strikes_max=1, now=at(0)).until == at(7_200)


def test_no_vendor_lists_itself_for_ever_by_a_number() -> None:
    error = failure("quota", retry_after_s=1e12)

    found = blacklist.ended(OPENAI, error, strikes=1, strikes_max=1, now=at(0))

    assert found.until == at(blacklist.LISTED_S_MAX)


def test_server_errors_list_only_after_so_many_in_a_row() -> None:
    events = [
        blacklist.ended(OPENAI, failure("server"), strikes=n, strikes_max=3, now=at(0)).event
        for n in (1, 2, 3)
    ]

    assert events == ["struck", "struck", "failed"]


def test_a_fingerprint_is_the_same_for_the_same_key_and_tells_others_apart() -> None:
    same = fingerprint("openai", "sk-1", "https://api.example", "m")
    others = {
        fingerprint("openai", "sk-2", "https://api.example", "m"),
        fingerprint("openai", "sk-1", "https://other.example", "m"),
        fingerprint("openai", "sk-1", "https://api.example", "n"),
        fingerprint("grok", "sk-1", "https://api.example", "m"),
    }

    assert same == fingerprint("openai", "sk-1", "https://api.example", "m")
    assert len(others | {same}) == 5


def test_a_fingerprint_holds_nothing_of_the_key() -> None:
    assert len(fingerprint("openai", "deadbeef", "", "m")) == 12
    assert "deadbeef" not in fingerprint("openai", "deadbeef", "", "m")


@pytest.mark.parametrize("state", [BREAKER, BLACKLISTED], ids=key)
def test_the_id_of_an_example_is_what_such_a_record_has(state: object) -> None:
    assert numbered(state, state.version).id == state.id  # type: ignore[type-var,attr-defined]  # either
