"""What others read of our words is what the words are, and what it was when it was released."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from infra.async_api import async_api
from infra.publish_schemas import FROZEN, PUBLISHED, documents, freeze, publish, schema, stale
from schemas.codec import encode
from schemas.event import Written, tag
from schemas.examples.stories import EXAMPLES
from schemas.upcasts import UPCASTS
from streams.topics import TOPICS, RawTopic, Topic, catalogue
from tests.schemas.compat import Schema, breaks

WORDS = {tag(word): word for topic in TOPICS for word in topic.words}
FROZEN_FILES = sorted(FROZEN.glob("*/*.schema.json"))


def read(path: Path) -> Schema:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_what_is_checked_in_is_what_the_words_say() -> None:
    assert stale() == [], "run `./vidette schemas` and check in what it writes"


def test_every_word_of_every_topic_is_published_with_an_example() -> None:
    assert EXAMPLES.keys() == WORDS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_by_its_published_schema(name: str) -> None:
    published = read(PUBLISHED / f"{name}.schema.json")
    jsonschema.Draft202012Validator.check_schema(published)

    validator = jsonschema.Draft202012Validator(
        published, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )

    validator.validate(read(PUBLISHED / f"{name}.example.json"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_an_example_comes_back_from_the_wire_as_it_went(topic: Topic[msgspec.Struct]) -> None:
    for word in topic.words:
        example = EXAMPLES[tag(word)]

        assert topic.codec.decode(encode(example)) == example


@pytest.mark.parametrize("name", WORDS)
def test_a_schema_refuses_another_words_tag(name: str) -> None:
    other = {**read(PUBLISHED / f"{name}.example.json"), "type": "something-else"}

    assert not jsonschema.Draft202012Validator(read(PUBLISHED / f"{name}.schema.json")).is_valid(
        other
    )


def test_a_consumer_that_validates_survives_a_later_reason_and_a_later_kind_of_event() -> None:
    later = json.loads(encode(EXAMPLES["undescribed"]))
    later["reason"] = "budget_spent"
    later["event"] = {"type": "doorbell-rang", "event_id": "1"}

    jsonschema.Draft202012Validator(read(PUBLISHED / "undescribed.schema.json")).validate(later)


@pytest.mark.parametrize("path", FROZEN_FILES, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_no_release_is_broken_by_what_the_words_say_now(path: Path) -> None:
    name = path.name.removesuffix(".schema.json")
    word = WORDS.get(name)

    if word is None:
        assert name in UPCASTS, f"the word {name} was released: without an upcast it may not vanish"
    else:
        assert breaks(read(path), schema(word), written_by_us=issubclass(word, Written)) == []


def test_the_first_release_is_frozen() -> None:
    assert {path.parent.name for path in FROZEN_FILES} >= {"0.1.0"}


def test_the_async_api_document_is_valid() -> None:
    meta = read(Path(__file__).parent / "asyncapi-3.1.0.json")

    jsonschema.Draft7Validator(meta).validate(async_api())


def test_the_async_api_document_has_every_topic_and_every_word() -> None:
    document = async_api()

    assert set(document["channels"]) == {topic.name for topic in catalogue()}
    assert set(document["components"]["messages"]) == {*WORDS, "dead-letter"}


def test_the_async_api_document_refers_only_to_what_exists() -> None:
    text = documents()["asyncapi.json"]
    document = json.loads(text)
    for reference in references(document):
        if reference.startswith("./"):
            assert reference.removeprefix("./") in documents()
            continue
        place: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(place, dict)
            place = place[step]


def references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    return []


def test_vidette_receives_what_upstream_writes_and_sends_the_rest() -> None:
    actions = {name: part["action"] for name, part in async_api()["operations"].items()}

    for topic in catalogue():
        ours = isinstance(topic, RawTopic) or issubclass(topic.words[0], Written)
        assert actions[f"{'send' if ours else 'receive'}.{topic.name}"]


def test_publishing_writes_what_differs_and_removes_what_is_no_longer_published(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    (tmp_path / "skipped.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "gone.schema.json").write_text("{}", encoding="utf-8")

    assert publish(tmp_path) == ["gone.schema.json", "skipped.schema.json"]
    assert stale(tmp_path) == []


def test_a_release_is_frozen_once(tmp_path: Path) -> None:
    frozen = freeze("9.9.9", tmp_path)

    assert len(list(frozen.iterdir())) == len(WORDS)
    with pytest.raises(FileExistsError):
        freeze("9.9.9", tmp_path)
