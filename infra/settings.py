"""Everything that can be set from outside, read once at start; the only reader of the environment.

Values come from the environment (prefix `VIDETTE_`) or from a file `.env` in the project's folder.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from infra.providers.addresses import checked
from infra.providers.compatible import Compatible, distinct, listed
from infra.spending.limits import SpendingSettings

ROOT = Path(__file__).resolve().parent.parent
"""The folder that the project runs from."""

KEYS = ("openai_api_key", "xai_api_key", "gemini_api_key", "anthropic_api_key")
"""Settings that are keys of vendors."""

ModelName = Annotated[str, Field(min_length=1, max_length=128)]


class Settings(SpendingSettings):
    """One field per setting; its description is what the docs say of it."""

    model_config = SettingsConfigDict(
        env_prefix="VIDETTE_",
        env_file=ROOT / ".env",
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,  # it may be a secret
        frozen=True,
        validate_default=True,
    )

    folder: Path = Field(
        ROOT / ".vidette", description="Data of the embedded services and of the demo."
    )
    cache_folder: Path = Field(
        Path("~/.cache/vidette"), description="Kafka's jars, shared by every checkout of this user."
    )

    kafka_bootstrap_servers: str | None = Field(
        None, description="Your Kafka, host:port[,host:port]; without it the embedded one is used."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak with Kafka."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="How to log in, with a SASL protocol."
    )
    kafka_sasl_username: str | None = Field(None, description="Who logs in to Kafka.")
    kafka_sasl_password: SecretStr | None = Field(None, description="Kafka's password.")
    kafka_ssl_ca_file: Path | None = Field(None, description="Certificate authority of Kafka, PEM.")
    kafka_ssl_certificate_file: Path | None = Field(None, description="Our certificate, PEM.")
    kafka_ssl_key_file: Path | None = Field(None, description="Our certificate's key, PEM.")
    kafka_group_protocol: Literal["consumer", "classic"] = Field(
        "consumer", description="KIP-848 needs brokers 4.0 or newer; `classic` works with any."
    )
    namespace: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,40})?$")] = Field(
        "",
        description="Put before topics, groups and transactional ids, to share a Kafka.",
    )
    topic_partitions: PositiveInt = Field(
        8,
        description="Partitions of new topics; 48 in production. Never changed later.",
    )
    topic_replication: PositiveInt = Field(
        1, description="Replicas of topics when made; 3 in production."
    )

    database_url: SecretStr | None = Field(
        None,
        description="The application's role in your PostgreSQL; unset, the embedded one is used.",
    )
    database_admin_url: SecretStr | None = Field(
        None, description="A role that may migrate the same database."
    )

    clip_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders of readable clips, separated by `:`; default: the current one.",
    )
    clip_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Private hosts or networks that clips may come from, separated by commas."
    )
    clip_bytes_max: PositiveInt = Field(256 * 1024 * 1024, description="A larger clip is refused.")
    clip_timeout_s: PositiveFloat = Field(60.0, description="For one download, all retries apart.")
    media_folder: Path | None = Field(
        None, description="Where frames are kept; default in `folder`."
    )

    ai_provider_order: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Providers in the order in which they are asked, separated by commas; default: "
        "`openai,grok,gemini,anthropic`, then the compatible ones, and `motion` when none of them "
        "is set up.",
    )
    openai_api_key: SecretStr | None = Field(
        None, validation_alias="OPENAI_API_KEY", description="OpenAI's key, of provider `openai`."
    )
    xai_api_key: SecretStr | None = Field(
        None, validation_alias="XAI_API_KEY", description="xAI's key, of provider `grok`."
    )
    gemini_api_key: SecretStr | None = Field(
        None, validation_alias="GEMINI_API_KEY", description="Google's key, of provider `gemini`."
    )
    anthropic_api_key: SecretStr | None = Field(
        None,
        validation_alias="ANTHROPIC_API_KEY",
        description="Anthropic's key, of provider `anthropic`, also called `claude`.",
    )
    openai_base_url: str = Field("https://api.openai.com/v1", description="Where OpenAI is asked.")
    grok_base_url: str = Field("https://api.x.ai/v1", description="Where xAI is asked.")
    gemini_base_url: str = Field(
        "https://generativelanguage.googleapis.com", description="Where Google is asked."
    )
    anthropic_base_url: str = Field(
        "https://api.anthropic.com", description="Where Anthropic is asked."
    )
    openai_model: ModelName = Field("gpt-6-luna", description="The model of `openai`.")
    grok_model: ModelName = Field("grok-4.20-non-reasoning", description="The model of `grok`.")
    gemini_model: ModelName = Field("gemini-3.5-flash-lite", description="The model of `gemini`.")
    anthropic_model: ModelName = Field("claude-haiku-5-5", description="The model of `anthropic`.")
    compatible_providers: Annotated[tuple[Compatible, ...], NoDecode] = Field(
        (),
        description="Servers that speak like OpenAI, as a JSON list; see docs/providers.md.",
    )
    crash_blacklist_after: PositiveInt = Field(
        1,
        description="So many server errors of a provider in a row put it on the blacklist.",
    )
    describe_deadline_s: PositiveFloat = Field(
        60.0, description="For one event, shared by the chain."
    )
    describe_age_max_s: PositiveFloat = Field(
        21_600.0,
        description="An event that is older when its turn comes is left to `repair`: a backlog "
        "must not delay the present.",
    )
    graceful_degradation_enable: bool = Field(
        default=True,
        description="Whether a similar earlier answer stands in, marked as degraded, when nobody "
        "can be asked.",
    )
    graceful_degradation_ttl: PositiveFloat = Field(
        604_800.0, description="Seconds: how old an answer that stands in may be."
    )
    prompts_folder: Path | None = Field(
        None, description="Your own prompts, KIND-NUMBER.txt; default: those in `infra/prompts`."
    )
    describe_in_flight: PositiveInt = Field(
        64, description="Events that `describe` works on at once."
    )
    repair_every_s: PositiveFloat = Field(
        60.0,
        description="How often is looked for outcomes that a provider may answer now.",
    )
    describe_again_in_flight: PositiveInt = Field(
        8, description="Repairs and repeated analyses at once: the present comes first."
    )
    fetch_clips_in_flight: PositiveInt = Field(
        16, description="Events that `fetch_clips` works on at once."
    )

    slot: Annotated[int, Field(ge=0, le=9999)] = Field(
        0,
        description="This worker's number; two workers of one step and slot fence each other.",
    )
    drain_timeout_s: PositiveFloat = Field(
        20.0, description="How long a stopping worker may finish work."
    )
    stall_timeout_s: PositiveFloat = Field(
        60.0,
        description="A worker in which nothing else can go on for so long is ended; "
        "the record at fault is found.",
    )
    memory_max_mb: PositiveInt = Field(
        2048,
        description="A worker process that occupies more ends in order and is started again; "
        "about as much more may be asked for at once.",
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        9400, description="First port tried for a worker's metrics and health; 0 picks any."
    )
    api_host: str = Field("127.0.0.1", description="Loopback only until API keys exist.")
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8080, description="Port of the HTTP API."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level logged."
    )

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: dict[str, object]) -> dict[str, object]:
        """A misspelt setting would otherwise be a default that nobody notices.

        `.env` may hold what is not ours, such as keys of providers; that is left out.
        """
        known = {variable(name) for name in cls.model_fields}
        for name in sorted(map(str.upper, [*os.environ, *values])):
            if name.startswith("VIDETTE_") and name not in known:
                near = get_close_matches(name, known, 1)
                meant = f"; is {near[0]} meant?" if near else ""
                text = f"{name} is no setting{meant} All are in docs/reference.md"
                raise ValueError(text)
        ours = {*cls.model_fields, *known}
        return {name: value for name, value in values.items() if name in ours}

    @field_validator("clip_folders", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value

    @field_validator("clip_private_hosts", "ai_provider_order", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return (
            tuple(filter(None, map(str.strip, value.split(","))))
            if isinstance(value, str)
            else value
        )

    @field_validator("openai_base_url", "grok_base_url", "gemini_base_url", "anthropic_base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked(value, local=False)

    @field_validator("compatible_providers", mode="before")
    @classmethod
    def _servers(cls, value: object) -> object:
        return listed(value) if isinstance(value, str) else value

    @field_validator("compatible_providers")
    @classmethod
    def _distinct(cls, value: tuple[Compatible, ...]) -> tuple[Compatible, ...]:
        distinct(value)
        return value

    @field_validator(*KEYS)
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value().strip() if value else ""
        if not (key.isascii() and key.isprintable()):
            raise ValueError("a key is printable ASCII")
        return SecretStr(key) if key else None

    @field_validator("api_host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if value not in {"127.0.0.1", "::1", "localhost"}:
            text = "the API has no keys yet, so it serves this machine only: use 127.0.0.1"
            raise ValueError(text)
        return value

    @field_validator("folder", "cache_folder", "media_folder")
    @classmethod
    def _expanded(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else value

    @cached_property
    def media(self) -> Path:
        """Where frames are kept."""
        return self.media_folder or self.folder / "media"

    @cached_property
    def clip_roots(self) -> tuple[Path, ...]:
        """Folders that clips may be read from, resolved."""
        named = self.clip_folders or (Path.cwd(), self.folder / "demo")
        return tuple(folder.expanduser().resolve() for folder in named)


def variable(name: str) -> str:
    """What a setting is called outside: keys of vendors as the vendors call them."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"VIDETTE_{name.upper()}"


@contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """For programs that are started within: these variables too."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
