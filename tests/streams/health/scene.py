"""Providers that nobody calls, and a log in a list that several boards read at their own pace."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from schemas.attempts import Answer, ErrorClass
from schemas.commands import BlacklistProvider, UnblacklistProvider
from schemas.examples.operation import BLACKLIST, UNBLACKLIST
from schemas.providers import ProviderStates
from streams.providers.health.board import Board, Claim
from streams.providers.health.breaker import By
from streams.providers.health.states import States, key
from streams.providers.ports import Profile, ProviderError, Question, Refusal, Reply

START = datetime(2026, 3, 14, 8, tzinfo=UTC)
ANSWER = Reply(Answer(description="A person walks by."), "model-1")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def failure(error_class: ErrorClass, retry_after_s: float | None = None) -> ProviderError:
    return ProviderError(error_class, f"it is {error_class}", retry_after_s=retry_after_s)


KEYED = Profile(fingerprint="aaaa")


@dataclass(frozen=True)
class Still:
    """A provider that is only spoken of."""

    name: str = "openai"
    model: str = "model-1"
    profile: Profile = KEYED

    async def ask(self, question: Question) -> Reply:
        raise AssertionError(question)


OPENAI = Still()


def blacklist(number: int, minutes: float | None = None, at_s: float = 0.0) -> BlacklistProvider:
    return msgspec.structs.replace(
        BLACKLIST,
        id=BLACKLIST.id.__class__(int=number),
        provider="openai",
        minutes=minutes,
        issued_at=at(at_s),
    )


def lift(number: int, at_s: float = 0.0) -> UnblacklistProvider:
    return msgspec.structs.replace(
        UNBLACKLIST,
        id=UNBLACKLIST.id.__class__(int=number),
        provider="openai",
        issued_at=at(at_s),
    )


@dataclass
class Log:
    """One partition, in the order of which everybody reads."""

    records: list[ProviderStates] = field(default_factory=list)

    def compacted(self, upto: int) -> Sequence[ProviderStates]:
        """What is left once everything before `upto` was cleaned."""
        newest = {key(record): place for place, record in enumerate(self.records)}
        return [
            record
            for place, record in enumerate(self.records)
            if place >= upto or newest[key(record)] == place
        ]


@dataclass
class Worker:
    """A board and how far it has read."""

    log: Log
    name: str = "w1"
    strikes_max: int = 1
    claim_s: float = 30.0
    position: int = 0

    def __post_init__(self) -> None:
        self.board = Board(By(self.name, self.claim_s), self.strikes_max)

    def read(self, records: int = 1_000_000) -> None:
        for state in self.log.records[self.position : self.position + records]:
            self.board.read(state)
            self.position += 1

    def write(self) -> None:
        for state in list(self.board.outbox()):
            self.log.records.append(state)
            self.board.sent(state)

    def settle(self) -> None:
        """Says what it has to say, and reads all there is."""
        self.write()
        self.read()

    def asks(self, now_s: float, provider: Still = OPENAI) -> Refusal | Claim | None:
        return self.board.wants(provider, at(now_s))

    def why_not(self, now_s: float, provider: Still = OPENAI) -> str | None:
        found = self.asks(now_s, provider)
        if isinstance(found, Claim):
            return "claimed"
        return found.reason if found else None

    def saw(self, result: Reply | ProviderError, now_s: float, provider: Still = OPENAI) -> None:
        self.board.saw(provider, result, at(now_s))

    def opens(self, now_s: float = 0.0) -> None:
        for _ in range(5):
            self.saw(failure("timeout"), now_s)


def folded(records: Sequence[ProviderStates]) -> list[ProviderStates]:
    """What a reader makes of them, without the numbering."""
    states = States()
    for record in records:
        states.apply(record)
    return list(states.all())


def said(states: Sequence[ProviderStates]) -> list[tuple[object, ...]]:
    """What they say, without version and id: a restatement says the same."""
    return [
        tuple(v for k, v in msgspec.structs.asdict(state).items() if k not in {"id", "version"})
        for state in states
    ]
