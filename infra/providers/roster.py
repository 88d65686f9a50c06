"""The providers that are set up, in the order in which they are asked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

from pydantic import SecretStr

from connectors.media.folder import FolderStore
from connectors.providers.anthropic import anthropic
from connectors.providers.gemini import gemini
from connectors.providers.gemini_legacy import gemini_legacy
from connectors.providers.grok import grok
from connectors.providers.motion import MotionProvider
from connectors.providers.openai import openai
from connectors.providers.openai_compatible import Dialect, openai_compatible
from connectors.providers.remote import Account, Remote
from infra.providers.compatible import Compatible
from infra.settings import Settings
from streams.ports import MediaStore
from streams.providers.health.fingerprint import fingerprint
from streams.providers.health.overview import Seat
from streams.providers.ports import Candidates, Missing, Provider, Refusal
from streams.providers.turns import KeptAtHome

DEFAULT_ORDER: Final = ("openai", "grok", "gemini", "anthropic")
MOTION: Final = "motion"
ALIASES: Final[Mapping[str, str]] = {"claude": "anthropic"}


class UnknownProvider(ValueError):  # noqa: N818  # the sentence is the whole of it
    """A setting names a provider that nobody implements."""


@dataclass(frozen=True)
class Vendor:
    """How a vendor's adapter is made, and what the settings say of it."""

    makes: Callable[[Account, MediaStore], Remote]
    variable: str
    """Where its key comes from."""
    place: Callable[[Settings], tuple[str, SecretStr | None, str]]
    """Base URL, key, model."""


_GEMINI: Final = "GEMINI_API_KEY"
VENDORS: Final[Mapping[str, Vendor]] = {
    "openai": Vendor(
        openai, "OPENAI_API_KEY", lambda s: (s.openai_base_url, s.openai_api_key, s.openai_model)
    ),
    "grok": Vendor(grok, "XAI_API_KEY", lambda s: (s.grok_base_url, s.xai_api_key, s.grok_model)),
    "gemini": Vendor(
        gemini, _GEMINI, lambda s: (s.gemini_base_url, s.gemini_api_key, s.gemini_model)
    ),
    "gemini_legacy": Vendor(
        gemini_legacy, _GEMINI, lambda s: (s.gemini_base_url, s.gemini_api_key, s.gemini_model)
    ),
    "anthropic": Vendor(
        anthropic,
        "ANTHROPIC_API_KEY",
        lambda s: (s.anthropic_base_url, s.anthropic_api_key, s.anthropic_model),
    ),
}


def providers(settings: Settings) -> Candidates:
    """Those of the order. Raises UnknownProvider."""
    media = FolderStore(settings.media)
    servers = {server.name: server for server in settings.compatible_providers}
    return tuple(_found(name, servers, settings, media) for name in order(settings))


def others(settings: Settings) -> Candidates:
    """Those that the order leaves out: a command, or a camera's own order, may name them."""
    media, first = FolderStore(settings.media), order(settings)
    servers = {server.name: server for server in settings.compatible_providers}
    left = (name for name in names(settings) if name not in first)
    return tuple(_found(name, servers, settings, media) for name in left)


def names(settings: Settings) -> tuple[str, ...]:
    """Of everybody who may be named in an order, in the order in which they are asked."""
    servers = (server.name for server in settings.compatible_providers)
    return tuple(dict.fromkeys((*order(settings), *DEFAULT_ORDER, *servers, MOTION)))


def seats(settings: Settings) -> tuple[Seat, ...]:
    """Everybody who may be named, as the settings have them. Raises UnknownProvider."""
    servers = {server.name: server for server in settings.compatible_providers}
    return tuple(_seat(name, servers, settings) for name in names(settings))


def named(name: str) -> str:
    """The name behind an alias, such as `anthropic` for `claude`."""
    return ALIASES.get(name, name)


def order(settings: Settings) -> tuple[str, ...]:
    """Names, each once: as set, else the vendors and then the servers that speak like OpenAI.

    Where none of them is set up, that is `motion`.
    """
    if settings.ai_provider_order:
        return tuple(dict.fromkeys(map(named, settings.ai_provider_order)))
    keyed = [name for name in DEFAULT_ORDER if VENDORS[name].place(settings)[1]]
    servers = tuple(server.name for server in settings.compatible_providers)
    return (*DEFAULT_ORDER, *servers) if keyed or servers else (MOTION,)


async def close(candidates: Candidates) -> None:
    """Closes the connections of those that have any."""
    for candidate in candidates:
        inner = candidate.provider if isinstance(candidate, KeptAtHome) else candidate
        if isinstance(inner, Remote):
            await inner.aclose()


def _found(
    name: str, servers: Mapping[str, Compatible], settings: Settings, media: MediaStore
) -> Provider | Missing:
    if name == MOTION:
        return MotionProvider()
    if name in servers:
        return _server(servers[name], settings, media)
    if name not in VENDORS:
        raise _unknown(name, servers)
    if name == "gemini_legacy" and find_spec("google.generativeai") is None:
        text = f"VIDETTE_AI_PROVIDER_ORDER names {name!r}, an extra: see docs/providers.md"
        raise UnknownProvider(text)
    vendor = VENDORS[name]
    base_url, key, model = vendor.place(settings)
    if not key:
        return Missing(name, Refusal("no_key", f"{vendor.variable} is not set", "auth"))
    account = Account(base_url, key.get_secret_value(), model, settings.describe_deadline_s)
    return KeptAtHome(_told_apart(vendor.makes(account, media), account))


def _seat(name: str, servers: Mapping[str, Compatible], settings: Settings) -> Seat:
    if name == MOTION:
        return Seat(name, MotionProvider().model, local=True)
    if name in servers:
        return Seat(name, servers[name].model, local=servers[name].local)
    if name not in VENDORS:
        raise _unknown(name, servers)
    _, key, model = VENDORS[name].place(settings)
    return Seat(name, model, local=False, missing=None if key else VENDORS[name].variable)


def _unknown(name: str, servers: Iterable[str]) -> UnknownProvider:
    known = ", ".join((*VENDORS, *ALIASES, MOTION, *servers))
    return UnknownProvider(f"VIDETTE_AI_PROVIDER_ORDER names {name!r}; known are: {known}")


def _server(server: Compatible, settings: Settings, media: MediaStore) -> Provider:
    key = server.api_key.get_secret_value() if server.api_key else ""
    account = Account(server.base_url.rstrip("/"), key, server.model, settings.describe_deadline_s)
    dialect = Dialect(server.cap_name, server.schema_mode, server.local)
    made = _told_apart(openai_compatible(server.name, account, dialect, media), account)
    return made if server.local else KeptAtHome(made)


def _told_apart(remote: Remote, account: Account) -> Remote:
    """Whoever lists it as broken lists this key at this address, and not the next one's."""
    told = fingerprint(remote.name, account.key, account.base_url, account.model)
    return replace(remote, profile=replace(remote.profile, fingerprint=told))
