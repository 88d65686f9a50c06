"""The chaos checker against forged evidence: nothing is amiss, and everything that can be.

Every rule has a forgery that breaks it, so that no rule is one that can't fail.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import pytest

from infra.chaos.checker import check
from infra.chaos.evidence import Evidence, Letter, Logged, Row, Sent, Topics
from streams.records import Partition

SEEN, CALM, TWICE, RESULT, BAD = (UUID(int=n) for n in range(1, 6))
STRANGER: Final = UUID(int=99)
CAMERA: Final = b"camera"
FRAME: Final = "f" * 64
GROUP: Final = ("10:00", "camera", "model", "described")
PLACE: Final = Partition("ai.events.v1", 0)


def logged(*ids: UUID) -> tuple[Logged, ...]:
    return tuple(Logged(id_, CAMERA, f"hash of {id_.int}") for id_ in ids)


def rows(*ids: UUID) -> tuple[Row, ...]:
    return tuple(Row(id_, f"hash of {id_.int}", GROUP) for id_ in ids)


def letter(id_: UUID, step: str = "enrich", number: int = 1) -> Letter:
    return Letter(UUID(int=1000 + number), step, id_)


def framed(records: Sequence[Logged]) -> tuple[Logged, ...]:
    return tuple(one._replace(frames=(FRAME,)) for one in records)


def good() -> Evidence:
    """One event once, one again in a quiet moment, one twice at once; a result; a bad event."""
    inputs = (SEEN, CALM, TWICE, TWICE)
    sent = {id_: Sent(camera_event=True, digest=f"hash of {id_.int}") for id_ in inputs}
    sent[CALM] = sent[CALM]._replace(attempts=2, acknowledged=2, calm=1)
    sent[TWICE] = sent[TWICE]._replace(attempts=2, acknowledged=2)
    sent[RESULT] = Sent(camera_event=False, digest=f"hash of {RESULT.int}")
    sent[BAD] = Sent(camera_event=True, digest="", good=False)
    return Evidence(
        sent=sent,
        topics=Topics(
            camera_events=logged(*inputs, BAD, CALM),
            inference_results=logged(RESULT),
            enriched=logged(*inputs, CALM),
            clips=logged(*inputs),
            outcomes=framed(logged(*inputs)),
            inferences=logged(RESULT),
            attempts=tuple(Logged(id_, CAMERA) for id_ in inputs),
        ),
        rows=rows(SEEN, CALM, TWICE, RESULT),
        letters=(letter(BAD),),
        roll_ups={GROUP: 4},
        calls={SEEN: 1, CALM: 1, TWICE: 3},
        described={SEEN: 1, CALM: 1, TWICE: 2},
        calls_lost_max=1,
        frames_kept=frozenset({FRAME}),
        last={PLACE: 7},
        ledger={PLACE: 8},
    )


def topics(**of: Sequence[Logged]) -> Evidence:
    return replace(good(), topics=replace(good().topics, **of))


def without(records: Sequence[Logged], id_: UUID) -> tuple[Logged, ...]:
    return tuple(one for one in records if one.input != id_)


def also(records: Sequence[Logged], *ids: UUID) -> tuple[Logged, ...]:
    return (*records, *logged(*ids))


def resent(id_: UUID, attempts: int) -> Evidence:
    sent = dict(good().sent)
    sent[id_] = sent.get(id_, sent[SEEN])._replace(attempts=attempts)
    return replace(good(), sent=sent)


TOPICS: Final = good().topics
FORGERIES: Final[dict[str, tuple[Callable[[], Evidence], UUID]]] = {
    "acknowledged, and neither row nor letter": (lambda: resent(STRANGER, 1), STRANGER),
    "acknowledged, and not in its topic": (
        lambda: topics(camera_events=without(TOPICS.camera_events, SEEN)),
        SEEN,
    ),
    "in its topic, and neither row nor letter": (
        lambda: replace(good(), rows=rows(CALM, TWICE, RESULT), roll_ups={GROUP: 3}),
        SEEN,
    ),
    "a row, and no record in the log": (
        lambda: topics(outcomes=without(TOPICS.outcomes, SEEN)),
        SEEN,
    ),
    "in the log, and neither row nor letter": (
        lambda: replace(good(), rows=rows(SEEN, CALM, TWICE), roll_ups={GROUP: 3}),
        RESULT,
    ),
    "good, and a letter": (
        lambda: replace(
            good(),
            rows=rows(SEEN, CALM, TWICE),
            roll_ups={GROUP: 3},
            letters=(letter(BAD), letter(RESULT, "project", 2)),
        ),
        RESULT,
    ),
    "bad, and no letter": (lambda: replace(good(), letters=()), BAD),
    "fewer inferences in the log than were reported": (
        lambda: topics(inference_results=also(TOPICS.inference_results, RESULT)),
        RESULT,
    ),
    "fewer enriched events than were reported": (
        lambda: topics(enriched=logged(SEEN, CALM, CALM, TWICE)),
        TWICE,
    ),
    "a row or a letter of what nobody sent": (
        lambda: replace(good(), letters=(letter(BAD), letter(STRANGER, number=2))),
        STRANGER,
    ),
    "in the log, and nobody sent it": (
        lambda: topics(inferences=also(TOPICS.inferences, STRANGER)),
        STRANGER,
    ),
    "more records than publications": (lambda: resent(TWICE, 1), TWICE),
    "more than one row": (
        lambda: replace(good(), rows=(*good().rows, *rows(SEEN)), roll_ups={GROUP: 5}),
        SEEN,
    ),
    "a row and a letter": (
        lambda: replace(good(), letters=(letter(BAD), letter(SEEN, "project", 2))),
        SEEN,
    ),
    "more letters than records": (
        lambda: replace(good(), letters=(letter(BAD), letter(BAD, number=2))),
        BAD,
    ),
    "a letter written twice": (lambda: replace(good(), letters=(letter(BAD), letter(BAD))), BAD),
    "more inferences than reports": (
        lambda: topics(inferences=also(TOPICS.inferences, RESULT)),
        RESULT,
    ),
    "more enriched than reported": (lambda: topics(enriched=also(TOPICS.enriched, SEEN)), SEEN),
    "more clips than enriched events": (lambda: topics(clips=also(TOPICS.clips, SEEN)), SEEN),
    "more outcomes than clips": (lambda: topics(outcomes=also(TOPICS.outcomes, SEEN)), SEEN),
    "a settled event's copy in the log": (
        lambda: topics(
            clips=also(TOPICS.clips, CALM), outcomes=framed(also(TOPICS.outcomes, CALM))
        ),
        CALM,
    ),
    "another payload in the log": (
        lambda: topics(inferences=(Logged(RESULT, CAMERA, "payload altered"),)),
        RESULT,
    ),
    "another payload in the table": (
        lambda: replace(good(), rows=(*rows(CALM, TWICE, RESULT), Row(SEEN, "", GROUP))),
        SEEN,
    ),
    "enrich changed the order of camera": (
        lambda: topics(enriched=logged(CALM, SEEN, TWICE, TWICE, CALM)),
        SEEN,
    ),
    "calls were repeated too often": (
        lambda: replace(good(), calls={SEEN: 2, CALM: 1, TWICE: 3}),
        SEEN,
    ),
    "described, and the provider was not asked": (
        lambda: replace(good(), calls={CALM: 1, TWICE: 2}),
        SEEN,
    ),
    "attempts in the log are not those of its outcomes": (
        lambda: topics(attempts=without(TOPICS.attempts, SEEN)),
        SEEN,
    ),
    "frames that the media store does not have": (
        lambda: replace(good(), frames_kept=frozenset()),
        SEEN,
    ),
}


def test_a_run_in_which_nothing_is_amiss_has_no_findings() -> None:
    assert check(good()).findings == ()


def test_the_figures_of_a_run() -> None:
    verdict = check(good())

    assert (verdict.attempted, verdict.acknowledged) == (5, 5)
    assert (verdict.in_log, verdict.in_table, verdict.dead_lettered) == (4, 4, 1)
    assert (verdict.repeated_calls, verdict.repeated_in_log) == (1, 1)


@pytest.mark.parametrize("rule", FORGERIES)
def test_a_forgery_is_found_by_the_rule_that_it_breaks(rule: str) -> None:
    forged, at_fault = FORGERIES[rule]

    found = {finding.rule: finding.ids for finding in check(forged()).findings}

    assert at_fault in found.get(rule, ())


@pytest.mark.parametrize(
    ("forged", "rule"),
    [
        (replace(good(), roll_ups={GROUP: 3}), "roll-ups are not the sums of the rows"),
        (replace(good(), ledger={PLACE: 7}), "the ledger is behind the log"),
    ],
)
def test_a_forged_figure_is_found(forged: Evidence, rule: str) -> None:
    assert [finding.rule for finding in check(forged).findings] == [rule]


def test_a_lost_and_a_doubled_id_are_told_apart() -> None:
    forged = replace(good(), rows=rows(SEEN, SEEN, CALM, TWICE), roll_ups={GROUP: 4})

    verdict = check(forged)

    assert (set(verdict.missing), set(verdict.extra)) == ({RESULT}, {SEEN})
