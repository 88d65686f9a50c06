"""What operators ordered about providers and their answers: a fold of `control.commands.v1`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    Commands,
    SwitchProviderOrder,
    UnblacklistProvider,
)

EVERY_KIND: Final = "all"
NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class About:
    """How many commands there were about a provider's blacklist, and the last one.

    The count says which commands a state has in it, whatever clocks and offsets say.
    """

    count: int = 0
    last: BlacklistProvider | UnblacklistProvider | None = None


class Orders:
    """All that was ordered; a command counts once, however often it is read."""

    def __init__(self) -> None:
        self._known: set[UUID] = set()
        self._about: dict[str, About] = {}
        self._cleared: dict[str, datetime] = {}
        self.switched: SwitchProviderOrder | None = None
        """The newest order in which providers are asked."""

    def apply(self, command: Commands) -> None:
        """Folds one record, in the order of the log."""
        if command.id in self._known:
            return
        self._known.add(command.id)
        match command:
            case SwitchProviderOrder():
                self.switched = command
            case BlacklistProvider(provider=name) | UnblacklistProvider(provider=name):
                self._about[name] = About(self.about(name).count + 1, command)
            case ClearCache(kind=kind, issued_at=at):
                self._cleared[kind] = max(at, self._cleared.get(kind, NEVER))
            case _:
                pass  # others fold it

    def about(self, provider: str) -> About:
        """What was ordered about the provider's blacklist."""
        return self._about.get(provider, About())

    def cleared(self, kind: str) -> datetime:
        """Answers to prompts of this kind given before that moment are forgotten."""
        return max(self._cleared.get(name, NEVER) for name in (kind, EVERY_KIND))

    @property
    def clearings(self) -> Mapping[str, datetime]:
        """The newest moment for every kind that somebody cleared, `all` among them."""
        return self._cleared

    @property
    def providers(self) -> Mapping[str, About]:
        """All that somebody ordered something about."""
        return self._about
