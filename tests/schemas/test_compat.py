"""Controls: the comparison of schemas notices what it is there to notice, and nothing else."""

import copy
from collections.abc import Callable

import pytest

from infra.publish_schemas import schema
from schemas.camera_events import SmartDetection
from schemas.outcomes import Undescribed
from tests.schemas.compat import Schema, breaks, refused

Change = Callable[[Schema], None]

UPSTREAM: Schema = schema(SmartDetection)
WRITTEN: Schema = schema(Undescribed)


def changed(old: Schema, change: Change) -> Schema:
    new = copy.deepcopy(old)
    change(new)
    return new


def at(node: Schema, *path: str) -> Schema:
    for name in path:
        inner = node[name]
        assert isinstance(inner, dict)
        node = inner
    return node


def required(node: Schema, *names: str) -> None:
    node["required"] = [*_names(node), *names]


def _names(node: Schema) -> list[str]:
    found = node["required"]
    assert isinstance(found, list)
    return [str(name) for name in found]


BREAKS_UPSTREAM: dict[str, Change] = {
    "removed field": lambda s: void(at(s, "properties").pop("labels")),
    "removed field of a part": lambda s: void(at(s, "$defs", "Detection", "properties").pop("box")),
    "new required field": lambda s: required(s, "site"),
    "optional field made required": lambda s: required(s, "labels"),
    "narrowed length": lambda s: at(s, "properties", "event_id").update(maxLength=64),
    "new least length": lambda s: at(s, "properties", "event_id").update(minLength=2),
    "new bound": lambda s: at(s, "properties", "detections").update(maxItems=4),
    "changed type": lambda s: at(s, "properties").update(event_id={"type": "integer"}),
    "no longer nullable": lambda s: at(s, "properties").update(
        ended_at={"type": "string", "format": "date-time"}
    ),
    "changed pattern": lambda s: at(s, "properties", "source").update(pattern="^[a-z]+$"),
    "renamed tag": lambda s: at(s, "properties").update(type={"enum": ["smart"]}),
}

BREAKS_READERS: dict[str, Change] = {
    "removed field": lambda s: void(at(s, "properties").pop("detail")),
    "field no longer required": lambda s: s.update(
        required=[name for name in _names(s) if name != "reason"]
    ),
    "new required field, which old records lack": lambda s: required(s, "site"),
    "widened length": lambda s: at(s, "properties", "detail").update(maxLength=4000),
    "narrowed length, which old records exceed": lambda s: at(s, "properties", "detail").update(
        maxLength=100
    ),
    "changed type": lambda s: at(s, "properties").update(detail={"type": "integer"}),
    "newly nullable": lambda s: at(s, "properties").update(
        detail={"anyOf": [{"type": "string", "maxLength": 2000}, {"type": "null"}]}
    ),
    "renamed tag": lambda s: at(s, "properties").update(type={"enum": ["unknown"]}),
    "dropped value of an enumeration": lambda s: at(s, "properties").update(
        reason={"anyOf": [{"enum": ["no_frames"]}, {"type": "string", "$comment": "open"}]}
    ),
}


def void(_: object) -> None:
    """Makes a statement of an expression."""


@pytest.mark.parametrize("name", BREAKS_UPSTREAM)
def test_a_change_that_breaks_upstream_systems_is_noticed(name: str) -> None:
    assert breaks(UPSTREAM, changed(UPSTREAM, BREAKS_UPSTREAM[name]), written_by_us=False)


@pytest.mark.parametrize("name", BREAKS_READERS)
def test_a_change_that_breaks_readers_is_noticed(name: str) -> None:
    assert breaks(WRITTEN, changed(WRITTEN, BREAKS_READERS[name]), written_by_us=True)


def test_no_change_breaks_nobody() -> None:
    assert breaks(UPSTREAM, copy.deepcopy(UPSTREAM), written_by_us=False) == []
    assert breaks(WRITTEN, copy.deepcopy(WRITTEN), written_by_us=True) == []


def test_upstream_systems_may_be_asked_for_less() -> None:
    new = changed(UPSTREAM, lambda s: at(s, "properties", "event_id").update(maxLength=256))

    assert breaks(UPSTREAM, new, written_by_us=False) == []


def test_a_new_optional_field_breaks_nobody() -> None:
    optional: Change = lambda s: at(s, "properties").update(site={"type": "string"})  # noqa: E731  # typed

    assert breaks(UPSTREAM, changed(UPSTREAM, optional), written_by_us=False) == []
    assert breaks(WRITTEN, changed(WRITTEN, optional), written_by_us=True) == []


def test_a_new_reason_in_an_open_enumeration_breaks_nobody() -> None:
    reasons = ["no_frames", "all_providers_failed", "deadline_passed", "too_old", "budget_spent"]
    open_: Schema = {"anyOf": [{"enum": [*reasons]}, {"type": "string", "$comment": "open"}]}
    new = changed(WRITTEN, lambda s: at(s, "properties").update(reason=open_))

    assert breaks(WRITTEN, new, written_by_us=True) == []


def test_an_integer_is_a_number_but_not_the_other_way_round() -> None:
    assert refused({"type": "integer"}, by={"type": "number"}) == []
    assert refused({"type": "number"}, by={"type": "integer"})
