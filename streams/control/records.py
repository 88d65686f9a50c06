"""Commands and shared states as records: topic, key and headers follow from the word."""

from schemas.codec import encode
from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    Commands,
    ResetQuota,
    SwitchProviderOrder,
    UnblacklistProvider,
)
from schemas.event import tag
from schemas.headers import cloud_event_headers
from schemas.providers import ProviderStates
from streams.lanes import Encoded
from streams.providers.health.states import key
from streams.topics import COMMANDS, PROVIDER_STATE


def subject(command: Commands) -> str:
    """What a command is about; commands about one thing are in the order in which they came."""
    match command:
        case SwitchProviderOrder():
            return "provider-order"
        case BlacklistProvider(provider=name) | UnblacklistProvider(provider=name):
            return f"provider/{name}"
        case ClearCache(kind=kind):
            return f"cache/{kind}"
        case ResetQuota(provider=name):
            return f"quota/{name}"


def command(word: Commands, source: str) -> Encoded:
    """The command's record; `source` is the edge that took it, such as `cli` or `api`."""
    headers = cloud_event_headers(
        id=word.id,
        type_=tag(type(word)),
        source=f"/vidette/{source}",
        time=word.issued_at,
        correlation_id=word.correlation_id,
    )
    return Encoded(COMMANDS.name, subject(word).encode(), encode(word), headers)


def state(word: ProviderStates) -> Encoded:
    """The state's record."""
    headers = cloud_event_headers(
        id=word.id,
        type_=tag(type(word)),
        source="/vidette/describe",
        time=word.timestamp,
        correlation_id=word.correlation_id,
    )
    return Encoded(PROVIDER_STATE.name, key(word).encode(), encode(word), headers)
