"""`./vidette explain`: finds one event in the log by any of its names, or says that it can't."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from connectors.kafka.clients import Cluster
from connectors.kafka.publisher import KafkaPublisher
from infra.cli.app import load
from infra.services.endpoints import Endpoints
from schemas.examples.stories import DESCRIBED
from schemas.examples.upstream import PERSON_SEEN
from streams import identity, wire
from streams.publishing import record
from streams.records import Output
from streams.topics import AI_EVENTS

Run = Callable[..., tuple[int, str]]

SEEN = replace(PERSON_SEEN, timestamp=identity.instant(datetime.now(UTC)), ended_at=None)
ID = identity.event_id(SEEN)
SAID = replace(
    DESCRIBED, id=identity.outcome_id(ID), event_id=ID, event=SEEN, timestamp=SEEN.timestamp
)
LONG_AGO = replace(SEEN, timestamp=SEEN.timestamp - timedelta(days=3))


@pytest.fixture
def run(cluster: Cluster, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on the test's own topics, in which there is one event and its outcome."""
    monkeypatch.setenv("VIDETTE_KAFKA_BOOTSTRAP_SERVERS", endpoints.bootstrap_servers)
    monkeypatch.setenv("VIDETTE_NAMESPACE", cluster.namespace)
    asyncio.run(publish(cluster))

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(load("explain"), ["explain", *words])
        return done.exit_code, done.output

    return command


async def publish(cluster: Cluster) -> None:
    publisher = KafkaPublisher(cluster)
    await publisher.publish(record(SEEN))
    await publisher.publish(wire.encoded("describe", Output(AI_EVENTS, SAID)))
    await publisher.close()


@pytest.mark.parametrize(
    "words",
    [
        (str(ID),),
        (str(SAID.id),),
        (SEEN.event_id, "--camera", SEEN.camera_id),
        (SEEN.event_id, "--camera", str(SAID.camera_id), "--days", "0.5"),
    ],
)
def test_an_event_is_found_by_any_name_that_it_has(run: Run, words: tuple[str, ...]) -> None:
    status, said = run(*words)

    assert status == 0, said
    assert said.startswith(f"Event {ID}")
    assert SAID.answer.description in said


def test_programs_read_one_object_a_line(run: Run) -> None:
    status, said = run(str(ID), "--json")

    assert status == 0, said
    kinds = [json.loads(line)["kind"] for line in said.splitlines()]
    assert kinds == ["reported", "camera", "outcome", "stands"]


@pytest.mark.parametrize(
    "words",
    [
        (str(identity.event_id(LONG_AGO)),),
        (str(identity.follows(ID, "nothing")),),
        ("another", "--camera", SEEN.camera_id),
        (SEEN.event_id, "--camera", "another"),
    ],
)
def test_what_is_not_found_is_said_with_where_it_was_looked_for(
    run: Run, words: tuple[str, ...]
) -> None:
    status, said = run(*words)

    assert status == 1
    assert "--days looks further" in said


@pytest.mark.parametrize("id_", ["first", "ffffffff-ffff-8fff-bfff-ffffffffffff"])
def test_what_can_be_no_id_of_ours_is_refused(run: Run, id_: str) -> None:
    status, said = run(id_)

    assert status == 2
    assert "--camera" in said
