"""Which partitions are paused, and what the library must never be asked."""

from dataclasses import dataclass, field

import pytest
from confluent_kafka import TopicPartition

from connectors.kafka.ownership import Pauses
from streams.records import Partition

ONE, TWO = Partition("t", 1), Partition("t", 2)


@dataclass
class Asked:
    """A consumer that only notes what it is asked."""

    calls: list[tuple[str, list[int]]] = field(default_factory=list)

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("pause", sorted(p.partition for p in partitions)))

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("resume", sorted(p.partition for p in partitions)))


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses(lambda partition: TopicPartition(partition.topic, partition.number))


def test_only_what_changes_is_asked(pauses: Pauses, asked: Asked) -> None:
    pauses.exactly(asked, {ONE})
    pauses.exactly(asked, {ONE, TWO})
    pauses.exactly(asked, {TWO})

    assert asked.calls == [("pause", [1]), ("pause", [2]), ("resume", [1])]


def test_what_was_just_assigned_is_not_paused(pauses: Pauses, asked: Asked) -> None:
    pauses.assigned({ONE})
    pauses.exactly(asked, {ONE, TWO})

    assert asked.calls == [("pause", [2])]


def test_it_is_paused_once_something_has_come_of_it(pauses: Pauses, asked: Asked) -> None:
    pauses.assigned({ONE})
    pauses.heard({ONE})
    pauses.exactly(asked, {ONE})

    assert asked.calls == [("pause", [1])]


def test_what_is_taken_away_is_not_left_paused(pauses: Pauses, asked: Asked) -> None:
    pauses.exactly(asked, {ONE, TWO})
    pauses.end(asked, {ONE})

    assert asked.calls == [("pause", [1, 2]), ("resume", [1])]


def test_what_comes_back_can_be_paused_again(pauses: Pauses, asked: Asked) -> None:
    pauses.exactly(asked, {ONE})
    pauses.end(asked, {ONE})
    pauses.exactly(asked, {ONE})

    assert asked.calls == [("pause", [1]), ("resume", [1]), ("pause", [1])]
