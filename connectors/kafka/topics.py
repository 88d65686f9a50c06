"""Topics on a Kafka: looks at them, and makes what the catalogue's plan asks for."""

import time
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from connectors.kafka.clients import Cluster
from streams.queries import Unavailable
from streams.topic_plan import Alter, Change, Create, Found, Layout, Refuse, plan
from streams.topics import catalogue

REQUEST_TIMEOUT_S = 30.0
REACH_TIMEOUT_S = 10.0
VISIBLE_POLL_S = 0.05


def compare(cluster: Cluster, layout: Layout) -> tuple[Change, ...]:
    """What would change. Raises Unavailable and KafkaException."""
    return plan(_found(cluster.admin(), cluster), layout)


def apply(cluster: Cluster, changes: Iterable[Change]) -> None:
    """Carries out what the plan allows; refusals are left alone.

    Returns when brokers show the changes. Raises KafkaException and Unavailable.
    """
    admin, changes = cluster.admin(), tuple(changes)
    new = [_new(cluster, change) for change in changes if isinstance(change, Create)]
    if new:
        for future in admin.create_topics(new, request_timeout=REQUEST_TIMEOUT_S).values():
            future.result()
    altered = [_altered(cluster, change) for change in changes if isinstance(change, Alter)]
    if altered:
        for future in admin.incremental_alter_configs(altered).values():
            future.result()
    _wait_until_visible(admin, cluster, changes)


def _wait_until_visible(admin: AdminClient, cluster: Cluster, changes: Iterable[Change]) -> None:
    """The controller has carried them out; brokers may hear of it a moment later."""
    wanted = {c.topic: c.configs for c in changes if not isinstance(c, Refuse)}
    ends = time.monotonic() + REQUEST_TIMEOUT_S
    while wanted:
        found = _found(admin, cluster)
        if all(topic in found and _has(found[topic], wanted[topic]) for topic in wanted):
            return
        if time.monotonic() > ends:
            text = f"brokers don't show the changed topics after {REQUEST_TIMEOUT_S:g} s"
            raise Unavailable("kafka", text)
        time.sleep(VISIBLE_POLL_S)


def _has(found: Found, configs: Mapping[str, str]) -> bool:
    return all(found.configs.get(name) == value for name, value in configs.items())


def _found(admin: AdminClient, cluster: Cluster) -> dict[str, Found]:
    there = _listed(admin, cluster)
    ours = {topic.name: cluster.named(topic.name) for topic in catalogue()}
    present = {name: there[full] for name, full in ours.items() if full in there}
    configs = _configs(admin, [ours[name] for name in present])
    return {
        name: Found(len(metadata.partitions), configs[ours[name]])
        for name, metadata in present.items()
    }


def _listed(admin: AdminClient, cluster: Cluster) -> Mapping[str, TopicMetadata]:
    """All topics. Raises Unavailable, naming the address: it is the first question to a Kafka."""
    try:
        return admin.list_topics(timeout=REACH_TIMEOUT_S).topics
    except KafkaException as error:
        text = f"{cluster.bootstrap_servers} does not answer ({error.args[0].str()})"
        raise Unavailable("kafka", text) from error


def _configs(admin: AdminClient, topics: list[str]) -> dict[str, Mapping[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    answers = admin.describe_configs(resources, request_timeout=REQUEST_TIMEOUT_S)
    return {
        resource.name: {name: str(entry.value) for name, entry in future.result().items()}
        for resource, future in answers.items()
    }


def _new(cluster: Cluster, change: Create) -> NewTopic:
    return NewTopic(
        cluster.named(change.topic),
        num_partitions=change.partitions,
        replication_factor=change.replication,
        config=dict(change.configs),
    )


def _altered(cluster: Cluster, change: Alter) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in change.configs.items()
    ]
    return ConfigResource(
        ResourceType.TOPIC, cluster.named(change.topic), incremental_configs=entries
    )


def missing(cluster: Cluster) -> tuple[str, ...]:
    """Catalogue names of topics that don't exist yet. Raises Unavailable."""
    there = _listed(cluster.admin(), cluster)
    return tuple(t.name for t in catalogue() if cluster.named(t.name) not in there)
