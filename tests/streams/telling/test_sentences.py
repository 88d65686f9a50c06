"""The operator's sentences: one for everything that the words know, and each of them complete."""

from collections.abc import Mapping
from typing import get_args

import pytest
from msgspec.structs import replace

from schemas.attempts import ErrorClass, NotAskedReason
from schemas.clips import ClipFailure, SkipReason
from schemas.examples.stories import (
    ATTEMPT,
    DEGRADED,
    DESCRIBED,
    NOT_WANTED,
    READY,
    SKIPPED,
    UNAVAILABLE,
    UNDESCRIBED,
)
from schemas.outcomes import FallbackReason, UndescribedReason
from streams.telling import choosing, sentences
from streams.telling.sentences import Sentence

TABLES: list[tuple[Mapping[str, Sentence], object]] = [
    (dict(sentences.ERRORS.items()), ErrorClass),
    (dict(sentences.NOT_ASKED.items()), NotAskedReason),
    (dict(sentences.UNDESCRIBED.items()), UndescribedReason),
    (dict(sentences.SKIPPED.items()), SkipReason),
    (dict(sentences.CLIPS.items()), ClipFailure),
    (dict(sentences.FALLBACKS.items()), FallbackReason),
]
ALL = [sentences.BEGUN, *(one for table, _ in TABLES for one in table.values())]
JARGON = ("partition", "offset", "breaker", "timeout", "HTTP", "null", "exception", "_", "401")


@pytest.mark.parametrize(("table", "reasons"), TABLES)
def test_every_reason_has_its_sentence(table: Mapping[str, Sentence], reasons: object) -> None:
    assert list(table) == list(get_args(reasons))


def test_each_sentence_says_what_happened_what_was_done_and_what_to_do() -> None:
    odd = [
        one
        for one in ALL
        if not all(one)
        or any(part.endswith((".", ";")) for part in one)
        or not (one.happened[0].isupper() and one.done[0].islower() and one.advice[0].isupper())
    ]

    assert odd == []


def test_no_sentence_speaks_jargon() -> None:
    assert [str(one) for one in ALL if any(word in str(one) for word in JARGON)] == []


def test_reasons_of_outcomes_have_one_sentence_each() -> None:
    assert sentences.UNDESCRIBED.keys() & sentences.SKIPPED.keys() == set()


def test_a_decision_not_to_ask_is_told_before_the_failure_that_it_came_of() -> None:
    told = choosing.of_attempt("skipped", "blacklisted", "auth")

    assert told is sentences.NOT_ASKED["blacklisted"]


def test_what_went_well_needs_no_sentence() -> None:
    told = choosing.of_attempt("answered", None, None), choosing.of_outcome(None, None)

    assert told == (None, None)


def test_an_attempt_that_never_ended_says_so() -> None:
    assert choosing.of_attempt("begun", None, None) is sentences.BEGUN


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (UNAVAILABLE, sentences.CLIPS["not_found"]),
        (UNDESCRIBED, sentences.UNDESCRIBED["no_frames"]),
        (DEGRADED, sentences.UNDESCRIBED["all_providers_failed"]),
        (SKIPPED, sentences.SKIPPED["nothing_to_see"]),
        (NOT_WANTED, sentences.SKIPPED["nothing_to_see"]),
        (replace(ATTEMPT, status="failed", error_class="auth"), sentences.ERRORS["auth"]),
        (
            replace(DESCRIBED, fallback_reason="clip_download_failed"),
            sentences.FALLBACKS["clip_download_failed"],
        ),
        (DESCRIBED, None),
        (ATTEMPT, None),
        (READY, None),
    ],
)
def test_words_of_the_log_have_the_sentence_of_their_reason(
    word: object, told: Sentence | None
) -> None:
    assert choosing.of_word(word) is told
