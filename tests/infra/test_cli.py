import io
import json
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from connectors.kafka.clients import Cluster
from connectors.kafka.log.history import History
from infra.cli.app import COMMANDS, load, main
from infra.cli.psql import connection
from infra.services.endpoints import Endpoints
from schemas.codec import EVENT_BYTES_MAX, encode
from schemas.examples.stories import EXAMPLES
from streams.records import Record
from tests.embedded import Database, finish

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    cluster: Cluster,
    endpoints: Endpoints,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command against the test's own Kafka names; exit status and everything it said."""
    monkeypatch.setenv("VIDETTE_KAFKA_BOOTSTRAP_SERVERS", endpoints.bootstrap_servers)
    monkeypatch.setenv("VIDETTE_DATABASE_URL", endpoints.database_url)
    monkeypatch.setenv("VIDETTE_NAMESPACE", cluster.namespace)
    monkeypatch.setenv("VIDETTE_TOPIC_PARTITIONS", "3")

    def command(*arguments: str, given: bytes = b"") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return command


async def everything(cluster: Cluster, topic: str) -> list[Record]:
    history = History(cluster, (topic,))
    spans = {place: (log.first, log.end or 0) for place, log in (await history.logs()).items()}
    return [record async for batch in history.read(spans) for record in batch]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    app = load(name)
    called = [[name]]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        called = [[name, c.name or ""] for c in group.typer_instance.registered_commands]

    for command in called:
        shown = CliRunner().invoke(app, [*command, "--help"])
        assert "Example: ./vidette" in shown.output, command


def test_an_unknown_command_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-thing"])

    assert (ended.value.code, "No such command" in capfd.readouterr().err) == (2, True)


def test_publishing_says_how_many_were_taken(run: Run) -> None:
    line = encode(EXAMPLES["smart-detection"])

    assert run("publish", "-", given=line + b"\n\n" + line) == (0, "2 published, 0 refused\n")


def test_a_line_that_is_no_event_is_refused_by_number_and_field(run: Run) -> None:
    good = encode(EXAMPLES["smart-detection"])
    bad = good.replace(b'"2026', b'"1926')

    status, said = run("publish", "-", given=bad + b"\n" + good)

    assert (status, said.splitlines()[0][:24]) == (1, "line 1: field timestamp:")
    assert said.endswith("1 published, 1 refused\n")


def test_a_line_is_published_byte_for_byte(run: Run, cluster: Cluster) -> None:
    line = encode(EXAMPLES["smart-detection"])[:-1] + b', "of_a_later_version": 1 }'

    run("publish", "-", given=b" " + line + b"\r\n")

    records = finish(everything(cluster, "camera.events.v1"))
    assert [record.value for record in records] == [line]


def test_a_line_of_nothing_but_too_many_blanks_is_counted_as_refused(run: Run) -> None:
    status, said = run("publish", "-", given=b" " * (EVENT_BYTES_MAX + 5) + b"{}\n\n")

    assert (status, said.splitlines()[-1]) == (1, "0 published, 1 refused")


def test_a_line_that_no_step_would_take_is_refused(run: Run) -> None:
    finds = b",".join([b'{"label":"a"}'] * 18_000)
    line = encode(EXAMPLES["motion-detected"])[:-1] + b',"detections":[' + finds + b"]}"

    status, said = run("publish", "-", given=line)

    assert (status, said.splitlines()[-1]) == (1, "0 published, 1 refused")
    assert "once all its fields are written out" in said


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    status, said = run("publish", "/no/such/file")

    assert (status, "can't be read" in said) == (2, True)


def test_what_was_published_can_be_watched(run: Run) -> None:
    run("publish", "-", given=encode(EXAMPLES["inference-result"]))

    status, said = run("tail", "inference.results.v1", "--from-beginning", "-n", "1")

    assert (status, '"type":"inference-result"' in said) == (0, True)


def test_a_topic_that_nobody_knows_cannot_be_watched(run: Run) -> None:
    status, said = run("tail", "no.such.topic")

    assert (status, "ai.events.v1" in said) == (2, True)


def test_topics_that_are_as_wanted_are_left_alone(run: Run) -> None:
    assert run("topics", "apply") == (0, "every topic is as the catalogue wants it\n")


def test_topics_with_another_partition_count_are_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDETTE_TOPIC_PARTITIONS", "5")

    status, said = run("topics", "apply")

    assert (status, "would break the order per camera" in said) == (1, True)


def test_missing_topics_are_shown_before_they_are_made(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDETTE_NAMESPACE", "nothing-here")

    status, said = run("topics", "apply", "--dry-run")

    assert (status, said.splitlines()[0]) == (0, "+ camera.events.v1: 3 partitions, 1 replicas")


def test_a_worker_without_topics_says_what_to_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDETTE_NAMESPACE", "nothing-here")

    status, said = run("worker")

    assert (status, "run `./vidette topics apply`" in said) == (1, True)


def test_a_worker_of_an_unknown_step_is_told_the_steps(run: Run) -> None:
    status, said = run("worker", "--steps", "enrich,paint")

    assert (status, "paint is no step" in said) == (2, True)


def test_a_setting_that_is_wrong_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDETTE_SLOT", "first")

    status, said = run("topics", "apply")

    assert (status, said.startswith("error: VIDETTE_SLOT: "), said.count("\n")) == (1, True, 1)


@pytest.mark.parametrize("type_", EXAMPLES)
def test_every_word_has_an_example_to_print(run: Run, type_: str) -> None:
    _, said = run("example", type_)

    assert json.loads(said)["type"] == type_


def test_the_password_is_not_on_psqls_command_line() -> None:
    said = connection("postgresql://vidette_app:s%20cret@db.example:5433/vidette")

    assert said == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "vidette_app",
        "PGPASSWORD": "s cret",
        "PGDATABASE": "vidette",
        "PGOPTIONS": "-c search_path=read_model",
    }


def test_psql_answers_as_the_applications_role(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDETTE_DATABASE_URL", database.url)

    status, said = run("psql", "--", "-Atc", "select count(*) from ai_events")

    assert (status, said) == (0, "0\n")


def test_psql_may_not_change_what_was_recorded(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDETTE_DATABASE_URL", database.url)

    status, said = run("psql", "--", "-c", "update ai_events set outcome = 'skipped'")

    assert (status, "permission denied" in said) == (1, True)
