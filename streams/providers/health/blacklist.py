"""The blacklist's entry for a provider, a key or a model: a literal table over states and events.

What an error means is in `reactions`. An entry ends when its time is over, which every worker sees
on its own clock, or when an operator lifts it. That of a key binds only workers that have that key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from schemas.commands import BlacklistProvider
from schemas.providers import BlacklistChanged, BlacklistScope, Why
from streams.providers.orders import About
from streams.providers.ports import Provider, ProviderError, Reply
from streams.providers.reactions import REACTIONS

State = Literal["clear", "listed"]
Event = Literal[
    "struck",  # an error that counts only in a row, and the row is not long enough
    "failed",  # an error that lists
    "passed",  # an answer, or an error that says nothing of this entry
    "ordered",  # by an operator
    "lifted",  # by an operator
    "expired",
]
Effect = Literal["nothing", "count", "forget", "publish"]


@dataclass(frozen=True)
class Next:
    """Where an event leads, and what is done about it."""

    state: State
    effect: Effect = "nothing"


TABLE: Final[Mapping[tuple[State, Event], Next]] = {
    ("clear", "struck"): Next("clear", "count"),
    ("clear", "failed"): Next("listed", "publish"),
    ("clear", "passed"): Next("clear", "forget"),
    ("clear", "ordered"): Next("listed", "publish"),
    ("clear", "lifted"): Next("clear"),
    ("clear", "expired"): Next("clear"),
    ("listed", "struck"): Next("listed"),  # a call from before; so the next two
    ("listed", "failed"): Next("listed"),
    ("listed", "passed"): Next("listed"),
    ("listed", "ordered"): Next("listed", "publish"),
    ("listed", "lifted"): Next("clear", "publish"),
    ("listed", "expired"): Next("clear"),  # nobody need say so: the entry says when
}

LISTED_S_MAX: Final = 31 * 86_400.0
"""The longest that an error lists with an end: a vendor's month, whatever it says."""


@dataclass(frozen=True)
class Entry:
    """What an entry is about."""

    scope: BlacklistScope
    subject: str = ""


EVERYTHING: Final = Entry("provider")


def entries(provider: Provider) -> tuple[Entry, ...]:
    """Those that keep a worker from asking this provider."""
    return (EVERYTHING, _key(provider), Entry("model", provider.model))


def _key(provider: Provider) -> Entry:
    return Entry("key", provider.profile.fingerprint)


def standing(record: BlacklistChanged | None, now: datetime) -> State:
    """The state that a record means now."""
    if record is None or not record.listed:
        return "clear"
    expired = record.until is not None and record.until <= now
    return TABLE["listed", "expired"].state if expired else "listed"


@dataclass(frozen=True)
class Verdict:
    """What the end of a call is to the blacklist."""

    entry: Entry
    event: Event
    until: datetime | None = None


def ended(
    provider: Provider,
    result: Reply | ProviderError,
    *,
    strikes: int,
    strikes_max: int,
    now: datetime,
) -> Verdict:
    """`strikes` are the failures in a row that count so, this one included."""
    if isinstance(result, Reply):
        return Verdict(EVERYTHING, "passed")
    reaction = REACTIONS[result.error_class]
    if reaction.blacklists is None:
        return Verdict(EVERYTHING, "passed")
    entry = Entry("model", provider.model) if reaction.blacklists == "model" else EVERYTHING
    if reaction.strikes and strikes < strikes_max:
        return Verdict(entry, "struck")
    if reaction.blacklist_s is None:
        return Verdict(_key(provider), "failed")
    seconds = reaction.blacklist_s
    if result.error_class == "quota" and result.retry_after_s is not None:
        seconds = min(result.retry_after_s, LISTED_S_MAX)
    return Verdict(entry, "failed", now + timedelta(seconds=seconds))


def listing(
    provider: str, verdict: Verdict, why: Why, about: About, *, worker: str, now: datetime
) -> BlacklistChanged:
    """The entry that a failure makes; its version and id are still open."""
    return BlacklistChanged(
        id=UUID(int=0),
        timestamp=now,
        correlation_id=provider,
        provider=provider,
        worker=worker,
        version=0,
        listed=True,
        scope=verdict.entry.scope,
        subject=verdict.entry.subject,
        until=verdict.until,
        commands=about.count,
        why=why,
    )


def ordered(
    record: BlacklistChanged | None, provider: str, entry: Entry, about: About, now: datetime
) -> BlacklistChanged | None:
    """What the newest command makes of a state that does not consider it yet.

    Every worker makes the same of it. None when it changes nothing. Version and id are still open.
    """
    command = about.last
    if command is None or about.count <= (record.commands if record else 0):
        return None
    lists = isinstance(command, BlacklistProvider)
    if lists and entry != EVERYTHING:
        return None
    if TABLE[standing(record, now), "ordered" if lists else "lifted"].effect != "publish":
        return None
    minutes = command.minutes if isinstance(command, BlacklistProvider) else None
    return BlacklistChanged(
        id=command.id,
        timestamp=command.issued_at,
        correlation_id=command.correlation_id,
        provider=provider,
        worker=command.issued_by,
        version=0,
        listed=lists,
        scope=entry.scope,
        subject=entry.subject,
        until=None if minutes is None else command.issued_at + timedelta(minutes=minutes),
        commands=about.count,
        why=Why(detail=command.reason or "an operator's order"),
    )
