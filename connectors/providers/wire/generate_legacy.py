"""Gemini's `generateContent`, by `google-generativeai`, which Google ended on 2025-11-30.

The SDK blocks, so each call has a thread; it knows no JSON Schema, so that stands in the prompt.
Names that it keeps to itself are used: no later version will ever change them.
"""

import asyncio
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import msgspec
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth
from google.protobuf.json_format import MessageToDict, ParseError

from connectors.providers.remote import Account, Asked
from connectors.providers.wire import google_errors
from connectors.providers.wire.answered import Answered, billed_output
from connectors.providers.wire.meanings import Meaning, Refused, count, error, nearest, word
from schemas.attempts import Usage
from streams.providers import answers
from streams.providers.ports import ProviderError, Reply

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says on import that it has ended, as our documents do
    from google.generativeai import GenerativeModel
    from google.generativeai.client import _ClientManager
    from google.generativeai.types import BlockedPromptException, StopCandidateException

MEANING: Final[Mapping[type[Exception], Meaning]] = {
    exceptions.GoogleAPICallError: "by_status",
    exceptions.RetryError: "timeout",
    exceptions.DuplicateCredentialArgs: "auth",
    exceptions.AsyncRestUnsupportedParameterError: "bad_request",
    exceptions.GoogleAPIError: "server",
    auth.TransportError: "network",
    auth.GoogleAuthError: "auth",
    requests.exceptions.InvalidJSONError: "malformed",
    requests.Timeout: "timeout",
    requests.RequestException: "network",
    ParseError: "malformed",
    BlockedPromptException: "blocked",
    StopCandidateException: "blocked",
    TimeoutError: "timeout",
    OSError: "network",
}
CALLS_MAX: Final = 8
"""Calls at once; further ones wait. A call whose time is over keeps its thread until it ends."""


class _Part(msgspec.Struct):
    text: str = ""


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct):
    content: _Content | None = None
    reason: str = msgspec.field(name="finishReason", default="STOP")


class _Feedback(msgspec.Struct):
    reason: str | None = msgspec.field(name="blockReason", default=None)


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: object = None
    cached_content_token_count: object = None
    candidates_token_count: object = None
    total_token_count: object = None


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str = ""


@dataclass(frozen=True)
class LegacyWire:
    """One client, apart from the one that the SDK keeps for the whole process."""

    clients: _ClientManager
    timeout_s: float
    key: str = field(repr=False)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(CALLS_MAX))

    async def reply(self, asked: Asked) -> Reply:
        """One request. Raises ProviderError."""
        loop = asyncio.get_running_loop()
        try:
            response = await loop.run_in_executor(self.threads, self._called, asked)
        except Exception as failure:  # noqa: BLE001  # whatever it is, it has a class
            problem = self._translated(failure)
        else:
            return self._read(response, asked)
        raise problem  # out here: no foreign error hangs on it, they may quote the key

    async def aclose(self) -> None:
        """Waits for no thread: each ends with its connection."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _called(self, asked: Asked) -> _Response:
        model = GenerativeModel(asked.model, system_instruction=asked.prompt.system or None)
        model._client = self.clients.get_default_client("generative")  # noqa: SLF001  # see above
        schema = msgspec.json.encode(answers.SCHEMA).decode()
        text = f"{asked.prompt.text}\n\nAnswer with one JSON object. Its JSON Schema: {schema}"
        blobs = [{"mime_type": "image/jpeg", "data": picture} for picture in asked.pictures]
        came = model.generate_content(
            [text, *blobs],
            generation_config={
                "max_output_tokens": asked.output_tokens_max,
                "response_mime_type": "application/json",
            },
            request_options={"timeout": self.timeout_s, "retry": None},
        )
        said = MessageToDict(came._result._pb)  # noqa: SLF001  # its own accessors raise on blocks
        return msgspec.convert(said, _Response)

    def _read(self, response: _Response, asked: Asked) -> Reply:
        model = word(response.model_version) or asked.model
        came = Answered(model, _usage(response.usage_metadata), None, self.key)
        if response.prompt_feedback and response.prompt_feedback.reason:
            code = response.prompt_feedback.reason
            raise came.error("blocked", "its filter withheld the pictures", code=code)
        if not response.candidates:
            raise came.error("malformed", "an answer without candidates")
        candidate = response.candidates[0]
        if candidate.reason in google_errors.BLOCKED:
            raise came.error("blocked", "its filter withheld the answer", code=candidate.reason)
        if candidate.reason == "MAX_TOKENS":
            detail = f"cut off after {asked.output_tokens_max} tokens"
            raise came.error("truncated", detail, code=candidate.reason)
        text = "".join(part.text for part in candidate.content.parts) if candidate.content else ""
        if not text:
            raise came.error("malformed", "an empty answer", code=candidate.reason)
        return came.reply(text)

    def _translated(self, failure: Exception) -> ProviderError:
        refused = Refused(str(failure), code=type(failure).__name__)
        if isinstance(failure, exceptions.GoogleAPICallError):
            refused = _refused(failure)
        meaning = nearest(failure, MEANING) or "malformed"  # the SDK stumbled over the answer
        return error(refused, meaning, key=self.key)


def opened(account: Account) -> LegacyWire:
    """A wire of its own."""
    clients = _ClientManager()
    clients.configure(
        api_key=account.key, transport="rest", client_options={"api_endpoint": account.base_url}
    )
    session = clients.get_default_client("generative").transport._session  # noqa: SLF001  # see above
    session._max_refresh_attempts = 0  # noqa: SLF001  # a key has nothing to refresh: one request
    return LegacyWire(clients, account.timeout_s, account.key)


def _refused(failure: exceptions.GoogleAPICallError) -> Refused:
    status, response = int(failure.code or 0), failure.response
    if response is None:
        return Refused(failure.message, status)
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        body = None
    return google_errors.refused(body, status, response.headers, failure.message)


def _usage(said: _Usage | None) -> Usage | None:
    """Thoughts are in the total only; pictures and thoughts can't be told apart here."""
    if said is None:
        return None
    prompt, total = count(said.prompt_token_count), count(said.total_token_count)
    return Usage(
        input_tokens=prompt,
        output_tokens=billed_output(count(said.candidates_token_count), total, prompt),
        cached_tokens=count(said.cached_content_token_count),
    )
