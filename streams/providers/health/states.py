"""The newest state of every breaker, blacklist entry and quota: a fold that all workers agree on.

Of a key the first record counts that has a higher version than what is known: whoever writes,
writes the version after the one it read, so of two at once the first in the log wins. A record that
lost may be all that compaction leaves. So it must not be the last of its key: the state that holds
is written once more, one version higher (a *restatement*), and every reader comes to the same.
"""

from collections.abc import Iterator
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from schemas.codec import encode
from schemas.providers import (
    BlacklistChanged,
    BreakerChanged,
    ProviderStates,
    ProviderUsed,
    QuotaWarned,
)
from streams import identity
from streams.providers.health.blacklist import EVERYTHING, Entry

Versioned = BreakerChanged | BlacklistChanged
V = TypeVar("V", bound=Versioned)

UNNAMED: Final = UUID(int=0)


def key(state: ProviderStates) -> str:
    """The key of the state's record, `provider/kind`."""
    match state:
        case BreakerChanged(provider=provider):
            return breaker_key(provider)
        case BlacklistChanged(provider=provider, scope=scope, subject=subject):
            return entry_key(provider, Entry(scope, subject))
        case QuotaWarned(provider=provider, measure=measure, window=window):
            return f"{provider}/quota/{measure}/{window}"
        case ProviderUsed(provider=provider):
            return f"{provider}/usage"


def breaker_key(provider: str) -> str:
    """Of a provider's breaker."""
    return f"{provider}/breaker"


def entry_key(provider: str, entry: Entry) -> str:
    """Of an entry of the blacklist."""
    if entry == EVERYTHING:
        return f"{provider}/blacklist"
    return f"{provider}/blacklist/{entry.scope}/{entry.subject}"


def numbered(state: V, version: int) -> V:
    """The state as the record of that version; its id follows from what it says."""
    unnamed = msgspec.structs.replace(state, version=version, id=UNNAMED, correlation_id=key(state))
    said = encode(unnamed).decode()
    named = identity.time_ordered(state.timestamp, "provider-state", said)
    return msgspec.structs.replace(unnamed, id=named)


class States:
    """Everything by key; repeats change nothing, and neither does reading all of it again."""

    def __init__(self) -> None:
        self._current: dict[str, ProviderStates] = {}
        self._last: dict[str, ProviderStates] = {}

    def apply(self, state: ProviderStates) -> bool:
        """Folds one record, in the order of the log; whether it counts."""
        name = key(state)
        self._last[name] = state
        known = self._current.get(name)
        counts = _version(state) > _version(known) if known else True
        if counts or not isinstance(state, Versioned):
            self._current[name] = state
        return counts

    def version(self, name: str) -> int:
        """Of the state that holds; 0 without one."""
        return _version(self._current.get(name))

    def holds(self, state: Versioned) -> bool:
        """Whether the log took this very state, and none after it that says something else."""
        current = self._current.get(key(state))
        return current is not None and _said(current) == _said(state)

    def breaker(self, provider: str) -> BreakerChanged | None:
        """The breaker as the log has it."""
        found = self._current.get(breaker_key(provider))
        return found if isinstance(found, BreakerChanged) else None

    def entry(self, provider: str, entry: Entry) -> BlacklistChanged | None:
        """An entry as the log has it."""
        found = self._current.get(entry_key(provider, entry))
        return found if isinstance(found, BlacklistChanged) else None

    def all(self) -> Iterator[ProviderStates]:
        """Every state that holds, by key."""
        for name in sorted(self._current):
            yield self._current[name]

    def restatements(self) -> Iterator[Versioned]:
        """What must be written so that compaction keeps the truth."""
        for name, last in self._last.items():
            current = self._current[name]
            if isinstance(current, Versioned) and _said(last) != _said(current):
                yield numbered(current, current.version + 1)


def _version(state: ProviderStates | None) -> int:
    return state.version if isinstance(state, Versioned) else 0


def _said(state: ProviderStates) -> ProviderStates:
    """What two records must share to say the same."""
    if not isinstance(state, Versioned):
        return state
    return msgspec.structs.replace(state, id=UNNAMED, version=0)
