"""What providers write, and what is taken for an answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.attempts import ErrorClass
from streams.providers.answers import SCHEMA, parsed
from streams.providers.ports import ProviderError

SAID = {
    "judgeable": True,
    "description": "A person walks to the gate.",
    "labels": ["person"],
    "confidence": 0.75,
}


def said(**changes: object) -> str:
    return json.dumps(SAID | changes)


def error_class(text: str) -> ErrorClass:
    with pytest.raises(ProviderError) as caught:
        parsed(text)
    return caught.value.error_class


def test_what_the_schema_asks_for_is_an_answer() -> None:
    answer = parsed(said())

    told = (answer.description, answer.labels, answer.confidence)
    assert told == ("A person walks to the gate.", ("person",), 0.75)


def test_an_answer_may_stand_in_a_fence() -> None:
    assert parsed(f"```json\n{said()}\n```") == parsed(said())


def test_who_can_not_tell_has_described_nothing() -> None:
    assert error_class(said(judgeable=False, description="All pictures are black.")) == "blocked"


@pytest.mark.parametrize(
    "excuse",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m very sorry, I cannot identify people.",
        "Sorry, this is not something I do.",
        "As an AI, I can't see pictures.",
        "I am unable to assist with this request.",
        "Unfortunately, I cannot make out anything.",
    ],
)
def test_an_excuse_is_no_description(excuse: str) -> None:
    assert [error_class(said(description=excuse)), error_class(excuse)] == ["blocked"] * 2


@pytest.mark.parametrize(
    "sentence",
    [
        "A man leans on a sign that says: I can't believe it.",
        "A person walks by and says sorry.",
        "It is dark; nothing moves.",
    ],
)
def test_a_sentence_about_the_picture_is_a_description(sentence: str) -> None:
    assert parsed(said(description=sentence)).description == sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A person walks to the gate.",
        "[]",
        "[" * 100_000,
        said(labels="person"),
        said(labels=["person"] * 33),
        said(labels=[""]),
        said(confidence=1.5),
        said(description=" "),
        said(description="x" * 4001),
        said(description="a\0b"),
        said(labels=["a\0b"]),
        said(mood="good"),
        json.dumps({"description": "A person walks to the gate."}),
        '{"judgeable": true, "description": "\\ud800", "labels": [], "confidence": null}',
    ],
    ids=range(15),
)
def test_anything_else_is_malformed(text: str) -> None:
    assert error_class(text) == "malformed"


@given(
    description=st.text(min_size=1, max_size=100),
    labels=st.lists(st.text(min_size=1, max_size=64), max_size=32),
    confidence=st.none() | st.floats(0, 1),
)
def test_every_answer_can_be_written_to_the_log(
    description: str, labels: list[str], confidence: float | None
) -> None:
    text = said(description=description, labels=labels, confidence=confidence)
    try:
        answer = parsed(text)
    except ProviderError:
        return

    assert b"\\u0000" not in codec.encode(answer)


def test_the_schema_is_strict() -> None:
    properties = SCHEMA["properties"]

    assert isinstance(properties, dict)
    assert (SCHEMA["additionalProperties"], SCHEMA["required"]) == (False, list(properties))
