from dataclasses import replace

import pytest

from streams.projection.ports import Log
from streams.records import Partition
from streams.topic_plan import (
    Alter,
    Create,
    Found,
    Layout,
    NotRestored,
    Refuse,
    check_alone,
    configs,
    plan,
)
from streams.topics import AI_EVENTS, CAMERA_EVENTS, REGISTRY, catalogue

LAYOUT = Layout(partitions=8, replication=3)


def as_wanted() -> dict[str, Found]:
    return {topic.name: Found(8, configs(topic, LAYOUT)) for topic in catalogue()}


def changed(topic: str, **settings: str) -> dict[str, Found]:
    found = as_wanted()
    renamed = {name.replace("_", "."): value for name, value in settings.items()}
    found[topic] = replace(found[topic], configs={**found[topic].configs, **renamed})
    return found


def test_on_an_empty_kafka_every_topic_is_created() -> None:
    changes = plan({}, LAYOUT)

    assert [c.topic for c in changes if isinstance(c, Create)] == [t.name for t in catalogue()]


def test_where_all_is_as_wanted_nothing_changes() -> None:
    assert plan(as_wanted(), LAYOUT) == ()


def test_another_number_of_partitions_is_refused() -> None:
    found = as_wanted()
    found[CAMERA_EVENTS.name] = replace(found[CAMERA_EVENTS.name], partitions=4)

    (refusal,) = plan(found, LAYOUT)

    assert isinstance(refusal, Refuse)
    assert "order per camera" in refusal.why


def test_a_retention_that_would_delete_records_is_refused() -> None:
    (refusal,) = plan(changed(CAMERA_EVENTS.name, retention_ms="-1"), LAYOUT)

    assert isinstance(refusal, Refuse)
    assert "deletes records" in refusal.why


def test_a_longer_retention_is_applied() -> None:
    (change,) = plan(changed(AI_EVENTS.name, retention_ms="1000"), LAYOUT)

    assert change == Alter(AI_EVENTS.name, {"retention.ms": "-1"}, {"retention.ms": "1000"})


def test_another_cleanup_policy_is_refused() -> None:
    (refusal,) = plan(changed(REGISTRY.name, cleanup_policy="delete"), LAYOUT)

    assert isinstance(refusal, Refuse)


def test_three_replicas_ask_for_two_in_sync() -> None:
    assert configs(AI_EVENTS, LAYOUT)["min.insync.replicas"] == "2"


def test_one_replica_asks_for_one_in_sync() -> None:
    assert configs(AI_EVENTS, Layout(8, 1))["min.insync.replicas"] == "1"


def test_the_log_is_kept_for_ever() -> None:
    assert configs(AI_EVENTS, LAYOUT)["retention.ms"] == "-1"


def test_the_registry_keeps_the_newest_state_of_each_camera() -> None:
    assert configs(REGISTRY, LAYOUT)["cleanup.policy"] == "compact"


def test_topics_that_hold_more_than_was_restored_are_nobodys_log() -> None:
    """Two restores at once, or a worker that was not stopped."""
    logs = {Partition("ai.events.v1", n): Log("topic-a", 0, 10) for n in range(2)}

    check_alone(logs, 20)
    with pytest.raises(NotRestored, match="15 records were restored and 20 are there"):
        check_alone(logs, 15)
