"""An old word stays on the log for ever; a row of the table reads it as a word of today.

No word of ours has an older version yet, so the rows are a fixture's: motion was once reported as
`movement-seen` with one `label`, and before that as `movement` with a time in another field.
"""

import json

import pytest

from schemas.camera_events import CameraEvent, MotionDetected
from schemas.clips import CameraEventEnriched
from schemas.codec import Codec, Undecodable, encode
from schemas.event import tag
from schemas.examples.stories import EXAMPLES
from schemas.examples.upstream import MOVEMENT_SEEN, PERSON_SEEN
from schemas.upcasts import UPCASTS, Document
from streams.topics import CAMERA_EVENTS, ENRICHED, TOPICS


def with_labels(old: Document) -> Document:
    labels = [old["label"]] if "label" in old else []
    return {k: v for k, v in old.items() if k != "label"} | {
        "type": "motion-detected",
        "labels": labels,
    }


def with_timestamp(old: Document) -> Document:
    return old | {"type": "movement-seen", "timestamp": old["at"]}


ROWS = {"movement-seen": with_labels, "movement": with_timestamp}
EVENTS: Codec[CameraEvent] = Codec(*CAMERA_EVENTS.words, upcasts=ROWS)
CARRIERS: Codec[CameraEventEnriched] = Codec(*ENRICHED.words, upcasts=ROWS)

TODAY = MotionDetected(
    event_id="1",
    source="frigate",
    camera_id="yard",
    timestamp=MOVEMENT_SEEN.timestamp,
    labels=("cat",),
)
FACTS: Document = {"event_id": "1", "source": "frigate", "camera_id": "yard", "label": "cat"}
LAST_YEAR: Document = {"type": "movement-seen", "timestamp": TODAY.timestamp.isoformat(), **FACTS}
THE_YEAR_BEFORE: Document = {"type": "movement", "at": TODAY.timestamp.isoformat(), **FACTS}


def written(document: Document) -> bytes:
    return json.dumps(document).encode()


def carried(event: Document) -> bytes:
    enriched: Document = json.loads(encode(EXAMPLES["camera-event-enriched"]))
    return written(enriched | {"event": event})


def test_an_old_word_is_read_as_the_word_of_today() -> None:
    assert EVENTS.decode(written(LAST_YEAR)) == TODAY


def test_a_word_of_two_versions_ago_goes_through_both_rows() -> None:
    assert EVENTS.decode(written(THE_YEAR_BEFORE)) == TODAY


def test_an_old_word_inside_another_word_is_read_too() -> None:
    assert CARRIERS.decode(carried(THE_YEAR_BEFORE)).event == TODAY


def test_a_word_of_today_is_read_as_before() -> None:
    assert EVENTS.decode(encode(PERSON_SEEN)) == PERSON_SEEN


def test_what_metadata_calls_a_type_is_left_alone() -> None:
    event = EVENTS.decode(written(LAST_YEAR | {"metadata": {"a": {"type": "movement"}}}))

    assert isinstance(event, MotionDetected)
    assert event.metadata == {"a": {"type": "movement"}}


@pytest.mark.parametrize(
    "value",
    [
        written({"type": "movement-seen", "label": "cat"}),
        written({"type": "movement"}),
        written(THE_YEAR_BEFORE | {"label": 7}),
        written(LAST_YEAR)[:-1] + b', "heat": 1e400}',
        written(LAST_YEAR)[:-1] + b', "type": "motion"}',
    ],
    ids=["fields missing", "what the row needs missing", "a wrong type", "1e400", "two tags"],
)
def test_a_broken_old_word_is_undecodable_and_nothing_else(value: bytes) -> None:
    with pytest.raises(Undecodable) as found:
        EVENTS.decode(value)

    assert found.value.reason == "invalid"


def test_a_carrier_with_two_events_is_undecodable_and_nothing_else() -> None:
    value = carried(LAST_YEAR)[:-1] + b', "event": 5}'

    with pytest.raises(Undecodable):
        CARRIERS.decode(value)


def test_a_kind_of_event_that_came_later_is_named_as_such_wherever_it_stands() -> None:
    with pytest.raises(Undecodable) as found:
        ENRICHED.codec.decode(carried({"type": "doorbell-rang"}))

    assert (found.value.reason, found.value.field) == ("unknown_type", "event.type")


def test_no_row_is_for_a_word_of_today() -> None:
    assert UPCASTS.keys() & {tag(word) for topic in TOPICS for word in topic.words} == set()
