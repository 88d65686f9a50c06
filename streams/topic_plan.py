"""What must change on a Kafka to match the catalogue, and what must not be done to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from streams.projection.ports import Log
from streams.records import Partition
from streams.topics import RawTopic, Topic, catalogue

FOR_EVER_MS: Final = -1
MESSAGE_BYTES_MAX: Final = 1_048_588


@dataclass(frozen=True)
class Layout:
    """How topics are made on this Kafka."""

    partitions: int
    replication: int


@dataclass(frozen=True)
class Found:
    """A topic as the broker describes it; `configs` holds at least the keys that we set."""

    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True)
class Create:
    """A topic that is missing."""

    topic: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True)
class Alter:
    """Settings of a topic that may be changed without losing anything."""

    topic: str
    configs: Mapping[str, str]
    before: Mapping[str, str]


@dataclass(frozen=True)
class Refuse:
    """A difference that we don't touch, why, and what a person can do about it."""

    topic: str
    why: str


Change = Create | Alter | Refuse


def plan(found: Mapping[str, Found], layout: Layout) -> tuple[Change, ...]:
    """Every difference between the catalogue and what was found, in the catalogue's order."""
    changes: list[Change] = []
    for topic in catalogue():
        wanted = configs(topic, layout)
        there = found.get(topic.name)
        if there is None:
            changes.append(Create(topic.name, layout.partitions, layout.replication, wanted))
            continue
        changes.extend(_differences(topic.name, there, wanted, layout))
    return tuple(changes)


def configs(topic: Topic[msgspec.Struct] | RawTopic, layout: Layout) -> dict[str, str]:
    """The settings of a topic; two replicas in sync are demanded as soon as there can be three."""
    kept_ms = FOR_EVER_MS if topic.kept is None else int(topic.kept.total_seconds() * 1000)
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(kept_ms),
        "retention.bytes": "-1",
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
        "min.insync.replicas": "2" if layout.replication > 2 else "1",  # noqa: PLR2004  # a majority of three
        "unclean.leader.election.enable": "false",
        # An upstream's clock must neither date our rows nor let retention take records early.
        "message.timestamp.type": "LogAppendTime",
    }


def _differences(
    name: str, there: Found, wanted: Mapping[str, str], layout: Layout
) -> list[Change]:
    changes: list[Change] = []
    if there.partitions != layout.partitions:
        changes.append(
            Refuse(
                name,
                f"it has {there.partitions} partitions and {layout.partitions} are set; "
                "another count would break the order per camera: set VIDETTE_TOPIC_PARTITIONS to "
                f"{there.partitions}, or move to a new Kafka",
            )
        )
    different = {k: v for k, v in wanted.items() if there.configs.get(k) != v}
    losing = {k: v for k, v in different.items() if _loses(k, there.configs.get(k), v)}
    changes.extend(
        Refuse(
            name,
            f"{key} is {there.configs.get(key)} and would become {value}, which deletes records; "
            "change it yourself if that is meant",
        )
        for key, value in losing.items()
    )
    harmless = {k: v for k, v in different.items() if k not in losing}
    if harmless:
        before = {key: there.configs.get(key, "") for key in harmless}
        changes.append(Alter(name, harmless, before))
    return changes


def _loses(key: str, before: str | None, after: str) -> bool:
    if key in {"retention.ms", "retention.bytes"}:
        return int(after) >= 0 and (before is None or int(before) < 0 or int(before) > int(after))
    return key == "cleanup.policy"


class NotRestored(Exception):  # noqa: N818  # the sentence is the whole of it
    """The topics here can't take the archive, or hold more than it now; the sentence says which."""


def check_room(logs: Mapping[Partition, Log], partitions: Mapping[str, int]) -> None:
    """Raises NotRestored unless every topic is there, as wide as the archive's, and never used."""
    for topic, wanted in partitions.items():
        here = [log for partition, log in logs.items() if partition.topic == topic]
        if len(here) != wanted:
            text = (
                f"{topic} has {len(here)} partitions here and {wanted} in the archive: "
                f"make it anew with VIDETTE_TOPIC_PARTITIONS={wanted}"
            )
            raise NotRestored(text)
        if any(log.end for log in here):
            text = (
                f"{topic} is not empty here: restore into a new Kafka, or under a "
                "VIDETTE_NAMESPACE that was never used"
            )
            raise NotRestored(text)


def check_alone(logs: Mapping[Partition, Log], records: int) -> None:
    """Raises NotRestored when the topics hold more than the records that were just restored."""
    here = sum(log.end or 0 for log in logs.values())
    if here != records:
        text = (
            f"{records} records were restored and {here} are there: somebody else wrote at the "
            "same time, another restore or a worker. Restore again, alone, under a "
            "VIDETTE_NAMESPACE that was never used"
        )
        raise NotRestored(text)
