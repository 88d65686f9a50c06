"""Topics and tables as this version wants them: what a worker needs before it can start."""

import asyncio
from collections.abc import Callable

from connectors.kafka.topics import apply, compare
from infra import migrate
from infra.endpoints import cluster
from infra.services.endpoints import Endpoints, ServicesFailed
from infra.settings import Settings
from streams.topic_plan import Layout, Refuse


def prepare(settings: Settings, found: Endpoints, say: Callable[[str], None]) -> None:
    """Makes topics and tables; where all is in place, nothing changes.

    Raises ServicesFailed when a topic is not as it must be, and what `migrate` and Kafka raise.
    """
    kafka = cluster(settings, found)
    changes = compare(kafka, Layout(settings.topic_partitions, settings.topic_replication))
    refused = [change for change in changes if isinstance(change, Refuse)]
    if refused:
        text = f"topic {refused[0].topic}: {refused[0].why}"
        raise ServicesFailed(text)
    apply(kafka, changes)
    if changes:
        say(f"{len(changes)} topics made or changed.")
    admin_url = migrate.admin_url_of(found.database_admin_url)
    role = migrate.role_of(found.database_url)
    asyncio.run(migrate.migrate(admin_url, application_role=role, say=say))
