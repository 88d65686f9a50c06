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
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
"""The folder that the project runs from."""

PROVIDER_KEYS = ("OPENAI_API_KEY", "XAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY")


class Settings(BaseSettings):
    """One field per setting; its description is what the docs say of it."""

    model_config = SettingsConfigDict(
        env_prefix="VIDETTE_",
        env_file=ROOT / ".env",
        extra="forbid",
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
        ("motion",),
        description="Providers in the order in which they are asked, separated by commas.",
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
        known = {f"VIDETTE_{name}".upper() for name in cls.model_fields}
        for name in sorted(map(str.upper, [*os.environ, *values])):
            if name.startswith("VIDETTE_") and name not in known:
                near = get_close_matches(name, known, 1)
                meant = f"; is {near[0]} meant?" if near else ""
                text = f"{name} is no setting{meant} All are in docs/reference.md"
                raise ValueError(text)
        return {name: value for name, value in values.items() if name in cls.model_fields}

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


def provider_keys() -> tuple[str, ...]:
    """Names (never values) of the provider keys that are set."""
    return tuple(name for name in PROVIDER_KEYS if os.environ.get(name))


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
