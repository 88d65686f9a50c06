"""Servers that speak like OpenAI: Ollama, vLLM, LM Studio, a gateway; any number, each named."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

OUTPUT_TOKENS_MAX: Final = 1_000


@dataclass(frozen=True)
class Dialect:
    """What a server understands; `local` when it stands on the site, so that frames stay there."""

    cap_name: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    schema: Literal["json_schema", "json_object", "prompt"] = "json_schema"
    local: bool = True


def openai_compatible(name: str, account: Account, dialect: Dialect, media: MediaStore) -> Remote:
    """The server at the account's address, under a name of its own."""
    profile = Profile(local=dialect.local, output_tokens_max=OUTPUT_TOKENS_MAX)
    opens = partial(_opened, account, dialect)
    return Remote(name, account.model, profile, media, opens, account.timeout_s)


def _opened(account: Account, dialect: Dialect) -> Wire:
    from connectors.providers.wire import chat  # noqa: PLC0415  # the SDK takes 1.5 s to import

    style = chat.Style(dialect.cap_name, dialect.schema, local=dialect.local)
    return chat.opened(account, style)
