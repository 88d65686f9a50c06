"""From events to rows: the same however often, and in whatever order the topics are read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs

from connectors.memory.read_model import Store
from schemas.codec import encode
from schemas.examples.stories import (
    ATTEMPT,
    BEGUN,
    DEGRADED,
    DESCRIBED,
    RECORDED,
    SKIPPED,
    UNDESCRIBED,
)
from schemas.examples.upstream import FRONT_GATE, REGISTRATION
from streams.projection.project import PROJECTED, Projected, project
from streams.projection.rows import AttemptRow, ClipRow, DeviceRow, EventRow, Row, Rows

AT = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
WORDS: tuple[Projected, ...] = (
    DESCRIBED,
    DEGRADED,
    UNDESCRIBED,
    SKIPPED,
    RECORDED,
    BEGUN,
    ATTEMPT,
    REGISTRATION,
)


def only(rows: Sequence[Row], kind: type[EventRow]) -> EventRow:
    (found,) = (row for row in rows if isinstance(row, kind))
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[tuple[Projected, datetime, int]]:
    """A log of some cameras, some of which the registry knows, at times that may be equal."""
    log: list[tuple[Projected, datetime, int]] = []
    for offset in range(draw(st.integers(1, 12))):
        word = draw(st.sampled_from(WORDS))
        native = draw(st.sampled_from(["gate", "yard", str(FRONT_GATE.id)]))
        if word is REGISTRATION:
            named = structs.replace(REGISTRATION, camera_id=native, name=f"name {offset}")
            log.append((named, AT + timedelta(seconds=offset), offset))
            continue
        if word is RECORDED:
            result = structs.replace(RECORDED.result, camera_id=native)
            word = structs.replace(RECORDED, result=result)
        log.append((word, AT + timedelta(seconds=draw(st.integers(0, 2))), offset))
    return log


def folded(log: Sequence[tuple[Projected, datetime, int]], *, batch: int) -> Store:
    store = Store()
    for start in range(0, len(log), batch):
        rows = Rows()
        for event, recorded_at, offset in log[start : start + batch]:
            rows.add(project(event, recorded_at, offset))
        store.add(rows)
    return store


@given(log=logs(), batch=st.integers(1, 5))
def test_twice_is_once(log: list[tuple[Projected, datetime, int]], batch: int) -> None:
    assert folded([*log, *log], batch=batch) == folded(log, batch=1)


@given(log=logs(), data=st.data())
def test_devices_do_not_depend_on_the_order_in_which_topics_are_read(
    log: list[tuple[Projected, datetime, int]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(log))

    assert folded(shuffled, batch=3).devices == folded(log, batch=3).devices


@pytest.mark.parametrize("word", WORDS, ids=lambda word: type(word).__name__)
def test_rows_survive_the_wire(word: Projected) -> None:
    topic = next(topic for topic in PROJECTED if type(word) in topic.words)

    again = topic.codec.decode(encode(word))

    assert project(again, AT, 7) == project(word, AT, 7)


def test_every_word_of_every_projected_topic_has_rows() -> None:
    words = {word for topic in PROJECTED for word in topic.words}

    assert words == {type(word) for word in WORDS}
    assert all(project(word, AT, 0) for word in WORDS)


def test_a_described_event() -> None:
    row = only(project(DESCRIBED, AT, 0), EventRow)

    assert (row.id, row.event_id, row.created_at) == (DESCRIBED.id, DESCRIBED.event_id, AT)
    assert (row.outcome, row.degraded, row.provider_used) == ("described", False, "openai")
    assert row.labels == tuple(sorted(row.labels))
    assert {"backpack", "person"} <= set(row.labels)
    metadata = json.decode(row.event_metadata)
    assert metadata["event"]["event_id"] == DESCRIBED.event.event_id
    assert metadata["event"]["type"] == "smart-detection"
    assert metadata["camera"] == {
        "name": FRONT_GATE.name,
        "site": FRONT_GATE.site,
        "registered": True,
    }
    assert metadata["answer"] == {"people": 1}


def test_an_answer_from_a_stand_in_is_described_and_says_why_there_was_no_clip() -> None:
    poorer = structs.replace(
        DESCRIBED,
        clip=None,
        fallback_reason="clip_download_failed",
        fallback_detail="not_found: 404 from nvr.example",
    )

    _, row, clip = project(poorer, AT, 0)

    assert isinstance(row, EventRow)
    assert (row.outcome, row.degraded) == ("described", False)
    assert (row.fallback_reason, row.fallback_detail) == (
        "clip_download_failed",
        "not_found: 404 from nvr.example",
    )
    assert isinstance(clip, ClipRow)
    assert (clip.snapshot, clip.failure, clip.sha256) == (True, poorer.fallback_detail, None)


@pytest.mark.parametrize("word", [UNDESCRIBED, SKIPPED])
def test_what_nobody_described_has_a_reason_and_no_description(word: Projected) -> None:
    row = only(project(word, AT, 0), EventRow)

    assert (row.model_id, row.detections, row.description) == ("none", b"{}", None)
    assert row.reason
    assert row.outcome in {"undescribed", "skipped"}


def test_a_recorded_inference() -> None:
    mention, row = project(RECORDED, AT, 0)

    assert isinstance(mention, DeviceRow)
    assert (mention.registered, mention.source_id) == (False, RECORDED.result.camera_id)
    assert isinstance(row, EventRow)
    assert (row.outcome, row.model_id, row.frame_id) == (
        "recorded",
        RECORDED.result.model_id,
        RECORDED.result.frame_id,
    )
    found = json.decode(row.detections)["items"]
    assert [item["label"] for item in found] == [d.label for d in RECORDED.result.detections]
    assert json.decode(row.event_metadata)["result_id"] == RECORDED.result.result_id


def test_an_unknown_cost_is_not_zero() -> None:
    (known,) = project(ATTEMPT, AT, 0)
    (unknown,) = project(structs.replace(ATTEMPT, cost_usd=None, usage=None), AT, 0)

    assert isinstance(known, AttemptRow)
    assert isinstance(unknown, AttemptRow)
    assert (known.cost_usd, unknown.cost_usd) == (Decimal("0.000598"), None)
    assert unknown.input_tokens is None


def test_a_registration_is_a_device_of_the_version_that_its_offset_gives() -> None:
    (device,) = project(REGISTRATION, AT, 41)

    assert isinstance(device, DeviceRow)
    assert (device.registered, device.registry_version, device.name) == (
        True,
        41,
        REGISTRATION.name,
    )
    assert json.decode(device.settings).keys() == {"zones", "policy"}
