"""Anthropic's messages."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

import anthropic
import msgspec
from anthropic.types import MessageParam, OutputConfigParam

from connectors.providers.remote import Account, Asked
from connectors.providers.wire import transport
from connectors.providers.wire.answered import Answered
from connectors.providers.wire.meanings import Meaning, Refused, count, error, nearest, word
from schemas.attempts import Usage
from streams.providers import answers
from streams.providers.ports import ProviderError, Reply

MEANING: Final[Mapping[type[Exception], Meaning]] = {
    **transport.MEANING,
    anthropic.APITimeoutError: "timeout",
    anthropic.APIConnectionError: "network",
    anthropic.APIStatusError: "by_status",
    anthropic.ContractSpendLimitReachedError: "quota",
    anthropic.EnforcedSpendLimitReachedError: "quota",
    anthropic.OrganizationOnHoldError: "auth",
    anthropic.APIResponseValidationError: "malformed",
    anthropic.APIWebhookValidationError: "bad_request",
    anthropic.APIError: "server",
    anthropic.RetryableError: "server",
    anthropic.CredentialsError: "auth",
    anthropic.WorkloadIdentityError: "auth",
    anthropic.AnthropicError: "auth",  # itself only where no key is given
}
TRUNCATED: Final = frozenset({"max_tokens", "model_context_window_exceeded"})


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Usage(msgspec.Struct):
    input_tokens: object = None
    output_tokens: object = None
    cache_creation_input_tokens: object = None
    cache_read_input_tokens: object = None


class _Message(msgspec.Struct):
    content: list[_Block]
    model: str | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None


@dataclass(frozen=True)
class MessagesWire:
    """One client."""

    client: anthropic.AsyncAnthropic
    key: str = field(repr=False)

    async def reply(self, asked: Asked) -> Reply:
        """One request. Raises ProviderError."""
        try:
            body, request_id = await self._called(asked)
            message = msgspec.json.decode(body, type=_Message)
        except Exception as failure:  # noqa: BLE001  # whatever it is, it has a class
            problem = self._translated(failure)
        else:
            return self._read(message, asked, request_id)
        raise problem  # out here: no foreign error hangs on it, they may quote the key

    async def aclose(self) -> None:
        """Closes its connections."""
        await self.client.close()

    async def _called(self, asked: Asked) -> tuple[bytes, str | None]:
        format_ = {"type": "json_schema", "schema": dict(answers.SCHEMA)}
        raw = await self.client.messages.with_raw_response.create(
            model=asked.model,
            max_tokens=asked.output_tokens_max,
            system=asked.prompt.system or anthropic.omit,
            messages=[_message(asked)],
            output_config=cast("OutputConfigParam", {"format": format_}),
            thinking={"type": "disabled"},
        )
        return await raw.read(), raw.headers.get("request-id")

    def _read(self, message: _Message, asked: Asked, request_id: str | None) -> Reply:
        came = Answered(
            word(message.model or "") or asked.model,
            _usage(message.usage),
            word(request_id) if request_id else None,
            self.key,
        )
        text = "".join(block.text for block in message.content if block.type == "text")
        if message.stop_reason == "refusal":
            raise came.error("blocked", f"it refused: {text}", code="refusal")
        if message.stop_reason in TRUNCATED:
            detail = f"cut off after {asked.output_tokens_max} tokens"
            raise came.error("truncated", detail, code=message.stop_reason)
        if not text:
            raise came.error("malformed", "an empty answer", code=message.stop_reason)
        return came.reply(text)

    def _translated(self, failure: Exception) -> ProviderError:
        if isinstance(failure, anthropic.APIStatusError):
            refused = Refused(
                text=failure.api_message or failure.response.text,
                status=failure.status_code,
                code=failure.error_code or failure.type,
                headers=failure.response.headers,
                request_id=failure.request_id,
            )
        else:
            refused = Refused(str(failure), code=type(failure).__name__)
        meaning = nearest(failure, MEANING) or "malformed"  # the SDK stumbled over the answer
        return error(refused, meaning, key=self.key)


def opened(account: Account) -> MessagesWire:
    """A wire of its own."""
    client = anthropic.AsyncAnthropic(
        api_key=account.key,
        base_url=account.base_url,
        max_retries=0,
        timeout=account.timeout_s,
        http_client=transport.client(timeout_s=account.timeout_s),
    )
    return MessagesWire(client, account.key)


def _message(asked: Asked) -> MessageParam:
    parts: list[object] = [{"type": "text", "text": asked.prompt.text}]
    for picture in asked.pictures:
        data = b64encode(picture).decode()
        source = {"type": "base64", "media_type": "image/jpeg", "data": data}
        parts.append({"type": "image", "source": source})
    return cast("MessageParam", {"role": "user", "content": parts})


def _usage(said: _Usage | None) -> Usage | None:
    """Input comes without what was read from a cache or written to one; output with thinking."""
    if said is None:
        return None
    fresh, cached = count(said.input_tokens), count(said.cache_read_input_tokens)
    written = count(said.cache_creation_input_tokens)
    return Usage(
        input_tokens=None if fresh is None else count(fresh + (cached or 0) + (written or 0)),
        output_tokens=count(said.output_tokens),
        cached_tokens=cached,
        cache_write_tokens=written,
    )
