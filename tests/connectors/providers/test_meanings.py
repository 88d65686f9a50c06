"""Each way in which an SDK or a server says no, and what it means."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors as genai_errors

from connectors.providers.wire import chat, generate, messages, transport
from connectors.providers.wire.meanings import (
    Meaning,
    Refused,
    by_status,
    duration_s,
    error,
    retry_after_s,
)
from schemas.attempts import ErrorClass
from tests.contracts.vendors import LEGACY

TABLES: Final[dict[str, tuple[ModuleType, Mapping[type[Exception], Meaning]]]] = {
    "httpx2": (httpx2, transport.MEANING),
    "openai": (openai, chat.MEANING),
    "anthropic": (anthropic, messages.MEANING),
    "google-genai": (genai_errors, generate.MEANING),
}
ROOTS: Final = {
    httpx2.HTTPError,
    openai.OpenAIError,
    openai.APIError,
    anthropic.AnthropicError,
    anthropic.APIError,
}
"""They would lend their meaning to whatever a new version invents."""
if LEGACY:
    from google.api_core import exceptions as api_errors

    from connectors.providers.wire import generate_legacy

    TABLES["google-legacy"] = (api_errors, generate_legacy.MEANING)
    ROOTS.add(api_errors.GoogleAPIError)
KEY: Final = "planted-0123456789"


def public_errors(sdk: ModuleType) -> Iterator[type[Exception]]:
    for name, value in list(vars(sdk).items()):  # a lazy one adds to them meanwhile
        error = isinstance(value, type) and issubclass(value, Exception)
        if error and not name.startswith("_") and not issubclass(value, Warning):
            yield value


@pytest.mark.parametrize("sdk", TABLES)
def test_every_error_of_an_sdk_has_a_meaning(sdk: str) -> None:
    module, table = TABLES[sdk]
    silent = []
    for kind in public_errors(module):
        nearest = next((parent for parent in kind.__mro__ if parent in table), None)
        if kind not in ROOTS and (nearest is None or nearest in ROOTS):
            silent.append(kind.__name__)

    assert silent == []


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (400, "Incorrect API key provided: xa***ef. Get one at the console.", "auth"),
        (400, "API key not valid. Please pass a valid API key.", "auth"),
        (400, "Your credit balance is too low to access the API.", "quota"),
        (400, "The model `gpt-3` does not exist", "model_unavailable"),
        (400, "content_policy_violation", "blocked"),
        (400, "Invalid value: 'detail'", "bad_request"),
        (401, "", "auth"),
        (402, "", "quota"),
        (403, "Content violates usage guidelines. API key ID: 1", "blocked"),
        (403, "Your newly created team doesn't have any credits yet", "quota"),
        (404, "", "model_unavailable"),
        (408, "", "timeout"),
        (413, "", "bad_request"),
        (429, "Rate limit reached for requests per min", "rate_limited"),
        (429, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quota"),
        (500, "", "server"),
        (503, "", "overloaded"),
        (504, "", "server"),
        (529, "", "overloaded"),
        (307, "", "bad_request"),
    ],
)
def test_a_status_and_its_words_have_one_class(status: int, text: str, meaning: ErrorClass) -> None:
    assert by_status(Refused(text, status)) == meaning


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        (
            {
                "retry-after": "Wed, 25 Nov 2026 09:00:30 GMT",
                "date": "Wed, 25 Nov 2026 09:00:00 GMT",
            },
            30,
        ),
        (
            {
                "retry-after": "Wed, 25 Nov 2026 08:00:00 GMT",
                "date": "Wed, 25 Nov 2026 09:00:00 GMT",
            },
            0,
        ),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
    ],
)
def test_a_wait_is_read_in_every_form(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("120ms", 0.12), ("6m0s", 360), ("1h0m2.5s", 3602.5), ("1 s", None), ("x1s", None)],
)
def test_a_duration_is_read(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        f"wrong key: {KEY}",
        f"{'x' * 490}{KEY}",
        "Bearer abcdefgh",
        "sk-abcdefghijkl",
        "AIzaSyAbcdefgh",
        "xai-abcdefgh***",
    ],
)
def test_no_key_is_in_what_is_kept(text: str) -> None:
    detail = error(Refused(text, 400, code=text, request_id=text), "auth", key=KEY).detail

    assert [part for part in (KEY, KEY[:9], "abcdefgh", "Abcdefgh") if part in detail] == []


def test_a_long_body_is_cut() -> None:
    assert len(error(Refused("page " * 1000, 502), "server", key=KEY).detail) == 500
