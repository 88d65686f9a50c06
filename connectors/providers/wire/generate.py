"""Gemini's `generateContent`, by `google-genai`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2
from google import genai
from google.genai import errors, types
from pydantic import ValidationError

from connectors.providers.remote import Account, Asked
from connectors.providers.wire import google_errors, transport
from connectors.providers.wire.answered import Answered, billed_output
from connectors.providers.wire.meanings import Meaning, Refused, count, error, nearest, word
from schemas.attempts import Usage
from streams.providers import answers
from streams.providers.ports import ProviderError, Reply

MEANING: Final[Mapping[type[Exception], Meaning]] = {
    **transport.MEANING,
    errors.APIError: "by_status",
    errors.UnknownApiResponseError: "malformed",
    errors.ContinuationInterruptedError: "truncated",
    errors.UnknownFunctionCallArgumentError: "malformed",
    errors.UnsupportedFunctionError: "malformed",
    errors.FunctionInvocationError: "malformed",
    json.JSONDecodeError: "malformed",
    ValidationError: "malformed",
}


@dataclass(frozen=True)
class GenerateWire:
    """One client over a transport of ours: the SDK's own choice depends on what is installed."""

    client: genai.Client
    http: httpx2.AsyncClient
    key: str = field(repr=False)

    async def reply(self, asked: Asked) -> Reply:
        """One request. Raises ProviderError."""
        try:
            response = await self.client.aio.models.generate_content(
                model=asked.model, contents=_contents(asked), config=_config(asked)
            )
        except Exception as failure:  # noqa: BLE001  # whatever it is, it has a class
            problem = self._translated(failure)
        else:
            return self._read(response, asked)
        raise problem  # out here: no foreign error hangs on it, they may quote the key

    async def aclose(self) -> None:
        """Closes its connections."""
        await self.http.aclose()
        self.client.close()

    def _read(self, response: types.GenerateContentResponse, asked: Asked) -> Reply:
        came = Answered(
            word(response.model_version or "") or asked.model,
            _usage(response.usage_metadata),
            word(response.response_id) if response.response_id else None,
            self.key,
        )
        feedback = response.prompt_feedback
        if feedback and feedback.block_reason:
            code = feedback.block_reason.value
            raise came.error("blocked", "its filter withheld the pictures", code=code)
        if not response.candidates:
            raise came.error("malformed", "an answer without candidates")
        candidate = response.candidates[0]
        reason = candidate.finish_reason.value if candidate.finish_reason else "STOP"
        if reason in google_errors.BLOCKED:
            raise came.error("blocked", "its filter withheld the answer", code=reason)
        if reason == "MAX_TOKENS":
            detail = f"cut off after {asked.output_tokens_max} tokens"
            raise came.error("truncated", detail, code=reason)
        parts = (candidate.content.parts if candidate.content else None) or []
        text = "".join(part.text for part in parts if part.text and not part.thought)
        if not text:
            raise came.error("malformed", "an empty answer", code=reason)
        return came.reply(text)

    def _translated(self, failure: Exception) -> ProviderError:
        if isinstance(failure, errors.APIError):
            headers = getattr(failure.response, "headers", None) or {}
            text = failure.message or str(failure)
            refused = google_errors.refused(failure.details, failure.code, headers, text)
        else:
            refused = Refused(str(failure), code=type(failure).__name__)
        meaning = nearest(failure, MEANING) or "malformed"  # the SDK stumbled over the answer
        return error(refused, meaning, key=self.key)


def opened(account: Account) -> GenerateWire:
    """A wire of its own. Google counts time-outs in milliseconds, and one attempt is no retry."""
    http = transport.client(timeout_s=account.timeout_s)
    options = types.HttpOptions(
        base_url=account.base_url,
        timeout=max(1, round(account.timeout_s * 1000)),
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_async_client=http,
    )
    client = genai.Client(api_key=account.key, enterprise=False, http_options=options)
    return GenerateWire(client, http, account.key)


def _contents(asked: Asked) -> list[types.PartUnionDict]:
    pictures = [types.Part.from_bytes(data=p, mime_type="image/jpeg") for p in asked.pictures]
    return [types.Part.from_text(text=asked.prompt.text), *pictures]


def _config(asked: Asked) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction=asked.prompt.system or None,
        response_mime_type="application/json",
        response_json_schema=dict(answers.SCHEMA),
        max_output_tokens=asked.output_tokens_max,
        thinking_config=_thinking(asked.model),
        media_resolution=types.MediaResolution.MEDIA_RESOLUTION_MEDIUM,
    )


def _thinking(model: str) -> types.ThinkingConfig | None:
    """As little as the model allows: thoughts are billed as output."""
    if model.startswith("gemini-2.5"):
        return types.ThinkingConfig(thinking_budget=0)
    if model.startswith("gemini-2"):
        return None
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL)


def _usage(said: types.GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """The prompt includes what was cached; thoughts stand beside the answer and are billed too."""
    if said is None:
        return None
    prompt, total = count(said.prompt_token_count), count(said.total_token_count)
    answered, thought = count(said.candidates_token_count), count(said.thoughts_token_count)
    counted = None if answered is None else count(answered + (thought or 0))
    images = [
        found.token_count or 0
        for found in said.prompt_tokens_details or []
        if found.modality is types.MediaModality.IMAGE
    ]
    return Usage(
        input_tokens=prompt,
        output_tokens=billed_output(counted, total, prompt),
        cached_tokens=count(said.cached_content_token_count),
        reasoning_tokens=thought,
        image_tokens=count(sum(images)) if images else None,
    )
