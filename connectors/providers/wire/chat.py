"""OpenAI's chat completions, which xAI and most local servers speak too."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast

import msgspec
import openai
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import ResponseFormat
from openai.types.shared_params import ReasoningEffort

from connectors.providers.remote import Account, Asked
from connectors.providers.wire import transport
from connectors.providers.wire.answered import Answered, billed_output
from connectors.providers.wire.meanings import Meaning, Refused, count, error, nearest, word
from schemas.attempts import Usage
from streams.providers import answers
from streams.providers.ports import ProviderError, Reply

MEANING: Final[Mapping[type[Exception], Meaning]] = {
    **transport.MEANING,
    openai.APITimeoutError: "timeout",
    openai.APIConnectionError: "network",
    openai.APIStatusError: "by_status",
    openai.APIResponseValidationError: "malformed",
    openai.APIError: "server",
    openai.LengthFinishReasonError: "truncated",
    openai.ContentFilterFinishReasonError: "blocked",
    openai.InvalidWebhookSignatureError: "bad_request",
    openai.WebSocketConnectionClosedError: "network",
    openai.WebSocketQueueFullError: "network",
    openai.OpenAIError: "auth",  # itself only where no key is given
}

SchemaMode = Literal["json_schema", "json_object", "prompt"]


@dataclass(frozen=True)
class Style:
    """What one server wants otherwise than the next; `None` is not sent."""

    cap_name: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    schema: SchemaMode = "json_schema"
    effort: ReasoningEffort | None = None
    detail: Literal["low", "high", "auto"] | None = None
    store: bool | None = None
    local: bool = False


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: object = None
    cache_write_tokens: object = None
    image_tokens: object = None
    reasoning_tokens: object = None


class _Usage(msgspec.Struct):
    prompt_tokens: object = None
    completion_tokens: object = None
    total_tokens: object = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


@dataclass(frozen=True)
class ChatWire:
    """One client of one server."""

    client: openai.AsyncOpenAI
    style: Style
    key: str = field(repr=False)

    async def reply(self, asked: Asked) -> Reply:
        """One request. Raises ProviderError."""
        try:
            body, request_id = await self._called(asked)
            completion = msgspec.json.decode(body, type=_Completion)
        except Exception as failure:  # noqa: BLE001  # whatever it is, it has a class
            problem = self._translated(failure)
        else:
            return self._read(completion, asked, request_id)
        raise problem  # out here: no foreign error hangs on it, they may quote the key

    async def aclose(self) -> None:
        """Closes its connections."""
        await self.client.close()

    async def _called(self, asked: Asked) -> tuple[bytes, str | None]:
        style, cap = self.style, asked.output_tokens_max
        raw = await self.client.chat.completions.with_raw_response.create(
            model=asked.model,
            messages=_messages(asked, style),
            response_format=_format(style.schema),
            max_completion_tokens=cap if style.cap_name == "max_completion_tokens" else openai.omit,
            max_tokens=cap if style.cap_name == "max_tokens" else openai.omit,
            reasoning_effort=style.effort or openai.omit,
            store=openai.omit if style.store is None else style.store,
        )
        return raw.content, raw.headers.get("x-request-id")

    def _read(self, completion: _Completion, asked: Asked, request_id: str | None) -> Reply:
        came = Answered(
            word(completion.model or "") or asked.model,
            _usage(completion.usage),
            word(request_id) if request_id else None,
            self.key,
        )
        if not completion.choices:
            raise came.error("malformed", "an answer without choices")
        choice = completion.choices[0]
        if choice.message.refusal:
            raise came.error("blocked", f"it refused: {choice.message.refusal}", code="refusal")
        if choice.finish_reason == "content_filter":
            raise came.error("blocked", "its filter withheld the answer", code="content_filter")
        if choice.finish_reason == "length":
            detail = f"cut off after {asked.output_tokens_max} tokens"
            raise came.error("truncated", detail, code="length")
        if not choice.message.content:
            raise came.error("malformed", "an empty answer", code=choice.finish_reason)
        return came.reply(choice.message.content)

    def _translated(self, failure: Exception) -> ProviderError:
        if isinstance(failure, openai.APIStatusError):
            refused = _refused(failure)
        else:
            refused = Refused(str(failure), code=type(failure).__name__)
        meaning = nearest(failure, MEANING) or "malformed"  # the SDK stumbled over the answer
        return error(refused, meaning, key=self.key)


def opened(account: Account, style: Style) -> ChatWire:
    """A wire of its own. A server without keys is given a word in place of one, the SDK insists."""
    http = transport.client(timeout_s=account.timeout_s, local=style.local)
    client = openai.AsyncOpenAI(
        api_key=account.key or "none",
        base_url=account.base_url,
        max_retries=0,
        timeout=account.timeout_s,
        http_client=http,
    )
    return ChatWire(client, style, account.key)


def _messages(asked: Asked, style: Style) -> list[ChatCompletionMessageParam]:
    text = asked.prompt.text
    if style.schema != "json_schema":
        schema = msgspec.json.encode(answers.SCHEMA).decode()
        text = f"{text}\n\nAnswer with one JSON object and nothing else. Its JSON Schema: {schema}"
    parts: list[object] = [{"type": "text", "text": text}]
    for picture in asked.pictures:
        image = {"url": f"data:image/jpeg;base64,{b64encode(picture).decode()}"}
        detail = {"detail": style.detail} if style.detail else {}
        parts.append({"type": "image_url", "image_url": image | detail})
    system = [{"role": "system", "content": asked.prompt.system}] if asked.prompt.system else []
    return cast("list[ChatCompletionMessageParam]", [*system, {"role": "user", "content": parts}])


def _format(mode: SchemaMode) -> ResponseFormat | openai.Omit:
    if mode == "prompt":
        return openai.omit
    if mode == "json_object":
        return {"type": "json_object"}
    schema = {"name": answers.NAME, "strict": True, "schema": dict(answers.SCHEMA)}
    return cast("ResponseFormat", {"type": "json_schema", "json_schema": schema})


def _refused(failure: openai.APIStatusError) -> Refused:
    """Errors are nested (OpenAI) or flat (xAI: the sentence itself is `error`)."""
    said: object = failure.body
    if isinstance(said, dict):
        said = said.get("message")
    return Refused(
        text=said if isinstance(said, str) and said else failure.response.text,
        status=failure.status_code,
        code=failure.code or failure.type or _flat_code(failure.response.content),
        headers=failure.response.headers,
        request_id=failure.request_id,
    )


class _Flat(msgspec.Struct):
    code: str | None = None


def _flat_code(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Flat).code
    except msgspec.DecodeError:
        return None


def _usage(said: _Usage | None) -> Usage | None:
    """The prompt includes what was cached; xAI counts reasoning in the total only."""
    if said is None:
        return None
    prompt, total = count(said.prompt_tokens), count(said.total_tokens)
    read, written = said.prompt_tokens_details, said.completion_tokens_details
    return Usage(
        input_tokens=prompt,
        output_tokens=billed_output(count(said.completion_tokens), total, prompt),
        cached_tokens=count(read.cached_tokens) if read else None,
        cache_write_tokens=count(read.cache_write_tokens) if read else None,
        reasoning_tokens=count(written.reasoning_tokens) if written else None,
        image_tokens=count(read.image_tokens) if read else None,
    )
