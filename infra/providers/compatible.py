"""Servers that speak like OpenAI, as a setting describes them."""

import json
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from infra.providers.addresses import checked

TAKEN: Final = frozenset(
    {"openai", "grok", "gemini", "gemini_legacy", "anthropic", "claude", "motion"}
)
"""Names of providers that come with us."""


class Compatible(BaseModel):
    """One server; `local` says that it stands on the site, so that every camera may be shown it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]
    base_url: str
    model: Annotated[str, Field(min_length=1, max_length=128)]
    api_key: SecretStr | None = None
    cap_name: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    schema_mode: Literal["json_schema", "json_object", "prompt"] = "json_schema"
    local: bool = True

    @model_validator(mode="after")
    def _sound(self) -> Self:
        key = self.api_key.get_secret_value() if self.api_key else ""
        if not (key.isascii() and key.isprintable()):
            raise ValueError("a key is printable ASCII")
        checked(self.base_url, local=self.local)
        if self.name in TAKEN:
            text = f"{self.name!r} is the name of a provider that comes with Vidette"
            raise ValueError(text)
        return self


def listed(text: str) -> object:
    """The list that a JSON text holds; nothing of an empty one. Raises ValueError."""
    try:
        return json.loads(text) if text.strip() else ()
    except json.JSONDecodeError:
        raise ValueError("a JSON list is expected, see docs/providers.md") from None


def distinct(servers: Sequence[Compatible]) -> None:
    """Raises ValueError when two have one name."""
    names = [server.name for server in servers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        text = f"two servers are called {', '.join(twice)}"
        raise ValueError(text)
