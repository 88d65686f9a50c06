"""`./vidette example` and `./vidette schemas`: what people run to meet the words."""

import json
from datetime import UTC, datetime

import pytest
import typer
from msgspec import Struct
from typer.testing import CliRunner

from infra.cli.example import example, of_now
from infra.cli.schemas import schemas
from schemas.codec import encode
from schemas.event import Written, tag
from schemas.examples.stories import EXAMPLES
from schemas.examples.upstream import PUBLISHABLE
from streams.topics import CAMERA_EVENTS, INFERENCE_RESULTS, REGISTRY, TOPICS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def command(of: object) -> typer.Typer:
    app = typer.Typer()
    app.command()(of)  # type: ignore[type-var]  # typer registers any function
    return app


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_every_type_is_one_line_that_the_topic_takes(name: str) -> None:
    result = CliRunner().invoke(command(example), [name])

    (topic,) = [t for t in TOPICS if name in map(tag, t.words)]
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    topic.codec.decode(result.stdout.encode())


def test_an_unknown_type_is_one_clear_error_that_lists_the_types() -> None:
    result = CliRunner().invoke(command(example), ["doorbell"])

    assert result.exit_code == 2
    assert "'doorbell'" in result.stderr
    assert all(name in result.stderr for name in EXAMPLES)


@pytest.mark.parametrize("word", PUBLISHABLE, ids=lambda word: tag(type(word)))
def test_what_can_be_published_happens_now(word: Struct) -> None:
    fresh = json.loads(encode(of_now(EXAMPLES[tag(type(word))], NOW, "fresh")))

    ends = fresh.get("ended_at") or fresh["timestamp"]
    assert ends == "2026-11-21T12:00:00Z"
    assert "fresh" in {fresh.get("event_id"), fresh.get("result_id")} or "name" in fresh


def test_what_vidette_writes_is_shown_as_it_is() -> None:
    for word in EXAMPLES.values():
        if isinstance(word, Written):
            assert of_now(word, NOW, "fresh") is word


def test_only_topics_of_upstream_systems_carry_publishable_words() -> None:
    open_to_others = {CAMERA_EVENTS.name, INFERENCE_RESULTS.name, REGISTRY.name}
    theirs = {t.name for t in TOPICS if any(type(w) in t.words for w in PUBLISHABLE)}

    assert theirs == open_to_others


def test_schemas_that_are_up_to_date_pass_the_check() -> None:
    result = CliRunner().invoke(command(schemas), ["--check"])

    assert result.exit_code == 0, result.output
