"""What one worker knows of the providers' health, and what it has still to say.

It reads the log's states and commands, hears how its own calls end, decides by the tables, and
holds its own transitions as true until the log says who was first. Awaits nothing, calls nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemas.attempts import NotAskedReason
from schemas.providers import (
    BlacklistChanged,
    BreakerChanged,
    BreakerState,
    ProviderStates,
    ProviderUsed,
    QuotaWarned,
    Why,
)
from streams.providers.health import blacklist, breaker
from streams.providers.health.blacklist import Entry
from streams.providers.health.breaker import By, Tally
from streams.providers.health.states import (
    States,
    V,
    Versioned,
    breaker_key,
    entry_key,
    key,
    numbered,
)
from streams.providers.orders import Orders
from streams.providers.ports import Provider, ProviderError, Refusal, Reply

DETAIL_MAX: Final = 2_000


@dataclass(frozen=True)
class Claim:
    """The provider may be probed by whoever's claim is first in the log; this is ours."""

    state: BreakerChanged


@dataclass
class Proposal:
    """A transition of ours that the log has not decided yet."""

    state: Versioned
    sent: bool = False


@dataclass
class Board:
    """One worker's."""

    by: By
    strikes_max: int = 1
    """So many server errors in a row put a provider on the blacklist."""
    states: States = field(default_factory=States)
    orders: Orders = field(default_factory=Orders)
    _proposals: dict[str, Proposal] = field(default_factory=dict)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _strikes: dict[str, int] = field(default_factory=dict)
    _doubted: tuple[Versioned, ...] = ()
    _restated: list[Versioned] = field(default_factory=list)

    def read(self, state: ProviderStates) -> None:
        """Folds a record of the log; a proposal that it decides is no longer one."""
        counts, name = self.states.apply(state), key(state)
        if isinstance(state, QuotaWarned | ProviderUsed):
            return
        if counts and isinstance(state, BreakerChanged):
            self._tallies.pop(state.provider, None)
        proposal = self._proposals.get(name)
        if proposal and proposal.state.version <= self.states.version(name):
            del self._proposals[name]
            if not self.states.holds(proposal.state):
                self._decide_anew(proposal.state)
        lost = state.version == self.states.version(name) and not self.states.holds(state)
        if lost and state.worker == self.by.worker and name not in self._proposals:
            self._restated += [s for s in self.states.restatements() if key(s) == name]

    def wants(self, provider: Provider, now: datetime) -> Refusal | Claim | None:
        """Whether somebody may call the provider now: no, after a claim, or yes."""
        for entry in blacklist.entries(provider):
            listed = self.entry(provider.name, entry, now)
            if listed and blacklist.standing(listed, now) == "listed":
                return Refusal("blacklisted", sentence(listed), listed.why.error_class)
        record = self.breaker(provider.name)
        state: BreakerState = record.state if record else "closed"
        result = breaker.TABLE[state, breaker.asked(record, now)]
        if record is None or result.effect == "admit":
            return None
        if result.effect == "claim":
            claim = breaker.changed(provider.name, result.state, record.why, now, self.by)
            return Claim(self._propose(claim))
        reason: NotAskedReason
        reason = "probe_taken" if result.effect == "refuse_taken" else "breaker_open"
        return Refusal(reason, sentence(record), record.why.error_class)

    def holds(self, claim: Claim) -> bool:
        """Whether the log gave us the probe."""
        return self.states.holds(claim.state)

    def undecided(self, claim: Claim) -> bool:
        """Whether the log has not said yet whose the probe is."""
        held = self._proposals.get(key(claim.state))
        return held is not None and held.state == claim.state

    def withdraw(self, claim: Claim) -> None:
        """Nobody waits for it any more; if the log takes it all the same, it expires."""
        if self.undecided(claim):
            del self._proposals[key(claim.state)]

    def saw(self, provider: Provider, result: Reply | ProviderError, now: datetime) -> None:
        """A turn ended; what follows from it holds here at once, and is said to all."""
        self._breaker_saw(provider.name, result, now)
        self._blacklist_saw(provider, result, now)

    def breaker(self, provider: str) -> BreakerChanged | None:
        """As it holds for us: our own word, until the log says otherwise."""
        held = self._proposals.get(breaker_key(provider))
        if held and isinstance(held.state, BreakerChanged):
            return held.state
        return self.states.breaker(provider)

    def entry(self, provider: str, entry: Entry, now: datetime) -> BlacklistChanged | None:
        """Likewise, with what operators ordered since."""
        held = self._proposals.get(entry_key(provider, entry))
        state = held.state if held else self.states.entry(provider, entry)
        record = state if isinstance(state, BlacklistChanged) else None
        about = self.orders.about(provider)
        return blacklist.ordered(record, provider, entry, about, now) or record

    def listed(self, provider: str, now: datetime) -> tuple[BlacklistChanged, ...]:
        """Every entry about the provider, its keys and its models that keeps somebody away now."""
        held = (self.entry(provider, entry, now) for entry in self._entries(provider))
        return tuple(e for e in held if e and blacklist.standing(e, now) == "listed")

    def outbox(self) -> Iterator[Versioned]:
        """What is to be written now, oldest decision first."""
        yield from [s for s in self._restated if s.version > self.states.version(key(s))]
        yield from [held.state for held in self._proposals.values() if not held.sent]

    def sent(self, state: Versioned) -> None:
        """The log has it; who was first is seen when it is read."""
        self._restated = [s for s in self._restated if s != state]
        held = self._proposals.get(key(state))
        if held and held.state == state:
            held.sent = True

    @property
    def unsettled(self) -> bool:
        """Whether it is worth looking again in a second though nothing happens."""
        return bool(self._proposals or self._restated or self._doubted)

    def look(self, now: datetime) -> None:
        """Once a second: says what commands changed, and restates what others left in doubt.

        A second of doubt is left to whoever caused it; every worker says the same, so it is no
        matter how many do.
        """
        for provider in self.orders.providers:
            self._consider(provider, now)
        doubted = tuple(s for s in self.states.restatements() if key(s) not in self._proposals)
        self._restated += [s for s in doubted if s in self._doubted and s not in self._restated]
        self._doubted = doubted
        for name, proposal in list(self._proposals.items()):
            state = proposal.state
            expired = state.until is not None and state.until <= now
            if expired and isinstance(state, BreakerChanged) and not proposal.sent:
                del self._proposals[name]

    def _consider(self, provider: str, now: datetime) -> None:
        """Says what the commands about a provider make of its entries."""
        about = self.orders.about(provider)
        for entry in self._entries(provider):
            held = self.states.entry(provider, entry)
            changed = blacklist.ordered(held, provider, entry, about, now)
            if changed and entry_key(provider, entry) not in self._proposals:
                self._propose(changed)

    def _entries(self, provider: str) -> Iterator[Entry]:
        yield blacklist.EVERYTHING
        for state in self.states.all():
            if isinstance(state, BlacklistChanged) and state.provider == provider and state.subject:
                yield Entry(state.scope, state.subject)

    def _breaker_saw(self, name: str, result: Reply | ProviderError, now: datetime) -> None:
        silent, record = breaker.is_silent(result), self.breaker(name)
        tally = self._tallies.get(name, Tally()).counted(silent=silent)
        event = breaker.ended(record, tally, self.by.worker, silent=silent)
        found = breaker.TABLE[record.state if record else "closed", event]
        if found.effect == "count":
            self._tallies[name] = tally
        elif found.effect == "publish":
            self._propose(breaker.changed(name, found.state, _why(result), now, self.by))

    def _blacklist_saw(
        self, provider: Provider, result: Reply | ProviderError, now: datetime
    ) -> None:
        strikes = self._strikes.get(provider.name, 0) + 1
        verdict = blacklist.ended(
            provider, result, strikes=strikes, strikes_max=self.strikes_max, now=now
        )
        record = self.entry(provider.name, verdict.entry, now)
        found = blacklist.TABLE[blacklist.standing(record, now), verdict.event]
        if found.effect == "count":
            self._strikes[provider.name] = strikes
            return
        self._strikes.pop(provider.name, None)
        if found.effect == "publish":
            about = self.orders.about(provider.name)
            entry = blacklist.listing(
                provider.name, verdict, _why(result), about, worker=self.by.worker, now=now
            )
            self._propose(entry)

    def _decide_anew(self, lost: Versioned) -> None:
        """What was first in the log may leave our transition as true as it was, or not."""
        if isinstance(lost, BreakerChanged):
            record = self.states.breaker(lost.provider)
            event = breaker.again(lost, record, self.by.worker)
            state: BreakerState = record.state if record else "closed"
            if event and breaker.TABLE[state, event].effect == "publish":
                self._propose(lost)
            return
        held = self.entry(lost.provider, Entry(lost.scope, lost.subject), lost.timestamp)
        newer = held is not None and held.commands > lost.commands
        if lost.listed and not newer and blacklist.standing(held, lost.timestamp) == "clear":
            self._propose(lost)

    def _propose(self, state: V) -> V:
        name = key(state)
        proposed = numbered(state, self.states.version(name) + 1)
        self._proposals[name] = Proposal(proposed)
        return proposed


def _why(result: Reply | ProviderError) -> Why:
    if isinstance(result, Reply):
        return Why(detail="it answered")
    return Why(
        error_class=result.error_class,
        code=result.code and result.code[:DETAIL_MAX],
        detail=result.detail[:DETAIL_MAX],
    )


def sentence(state: Versioned) -> str:
    """Why somebody is not asked, and for how long."""
    cause = state.why.detail or state.why.error_class or "it did not answer"
    if state.until is None:
        return f"{cause}; until an operator lifts it"
    probed = " tries it" if isinstance(state, BreakerChanged) and state.state == "half_open" else ""
    return f"{cause}; {state.worker + probed + ', ' if probed else ''}until {state.until:%F %T} UTC"
