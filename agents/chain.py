"""Providers are asked in order until one answers or the time is up; everything done is told."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from streams.ports import Clock
from streams.providers import attempts, turns
from streams.providers.attempts import Call
from streams.providers.ports import (
    Announcements,
    Budgets,
    Candidates,
    Health,
    Missing,
    Provider,
    ProviderError,
    Question,
    Refusal,
    Reply,
    Roster,
)
from streams.providers.prices import NO_PRICES, PriceList
from streams.providers.reactions import retry_after_s

_NEVER_HEARD: Final = ProviderError("timeout", "nobody waited for the answer")
"""What is settled when a call is given up in the middle: nobody knows what it cost."""

_BUDGET_OVER: Final = Refusal(
    "quota", "the budget that was put aside ended before the call could be announced", "quota"
)


@dataclass(frozen=True)
class Chain:
    """The one owner of retries and of an event's time.

    A call is announced before it is made and its budget is put aside: what dies in between can be
    seen, and is paid for by nobody's surprise.
    """

    roster: Roster
    health: Health
    budgets: Budgets
    announcements: Announcements
    clock: Clock
    prices: PriceList = NO_PRICES

    async def ask(self, question: Question, ends: float) -> tuple[Call, ...]:
        """Every call and every decision not to call, until the clock's monotonic `ends`.

        The last one has the reply, if there is one.
        """
        candidates = self.roster.candidates(question.enriched.camera_id)
        calls: list[Call] = []
        for position, candidate in enumerate(candidates):
            behind = _askable(candidates[position + 1 :], question)
            share_ends = self._share_ends(ends, behind)
            calls += await self._turn(question, position, candidate, share_ends)
            if isinstance(calls[-1].result, Reply):
                break
        return tuple(calls)

    def _share_ends(self, ends: float, behind: int) -> float:
        now = self.clock.monotonic()
        return now + turns.share_s(max(0.0, ends - now), others=behind)

    async def _turn(
        self, question: Question, position: int, candidate: Provider | Missing, ends: float
    ) -> tuple[Call, ...]:
        """All calls of one provider, or the one reason for none."""
        if isinstance(candidate, Missing):
            return (self._skipped(position, candidate, candidate.refusal),)
        refusal = turns.refusal(candidate, question) or await self._admitted(candidate, ends)
        if refusal:
            return (self._skipped(position, candidate, refusal),)
        asked, calls = turns.addressed(question, candidate), list[Call]()
        while True:
            call = await self._call(asked, position, len(calls) + 1, candidate, ends)
            calls.append(call)
            if isinstance(call.result, Refusal):
                break
            wait_s = self._wait_s(candidate, call.result, len(calls), ends)
            if wait_s is None:
                self.health.saw(candidate, call.result)
                break
            await self.clock.sleep(wait_s)
        return tuple(calls)

    async def _admitted(self, provider: Provider, ends: float) -> Refusal | None:
        left_s = ends - self.clock.monotonic()
        if left_s < turns.TURN_S_MIN:
            return Refusal("no_time", "the event's time is over")
        try:
            async with asyncio.timeout(left_s):
                return await self.health.admits(provider)
        except TimeoutError:
            return Refusal("no_time", "its probe was not confirmed in time")

    def _wait_s(
        self, provider: Provider, result: Reply | ProviderError, made: int, ends: float
    ) -> float | None:
        if isinstance(result, Reply):
            return None
        left_s = ends - self.clock.monotonic() - turns.TURN_S_MIN
        return retry_after_s(result, provider.profile, made=made - 1, left_s=left_s)

    async def _call(
        self, asked: Question, position: int, attempt: int, provider: Provider, ends: float
    ) -> Call:
        began = self.clock.now()
        attempt_id = attempts.attempt_id(asked, position, provider.name, attempt, began)
        reserved = await self.budgets.reserve(provider, asked, attempt_id)
        if isinstance(reserved, Refusal):
            return self._skipped(position, provider, reserved)
        result: Reply | ProviderError | None = None
        try:
            if provider.profile.network:
                begun = attempts.begun(
                    asked, position, attempt, provider, at=began, reserved=reserved
                )
                await self.announcements.begun(begun)
            start = self.clock.monotonic()
            if start >= reserved.ends:
                skipped = self._skipped(position, provider, _BUDGET_OVER)
                return replace(skipped, attempt=attempt, began=began)  # the end of what was begun
            result = _NEVER_HEARD
            result = await self._result(asked, provider, ends - start)
        finally:
            await self.budgets.settle(reserved, result)
        latency_ms = (self.clock.monotonic() - start) * 1000
        return Call(
            position,
            attempt,
            provider.name,
            provider.model,
            began,
            latency_ms,
            result,
            asked.frames,
            self.prices.cost(provider, result, began),
            reusable=provider.profile.network,
        )

    async def _result(
        self, asked: Question, provider: Provider, left_s: float
    ) -> Reply | ProviderError:
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                return await provider.ask(asked)
        except ProviderError as error:
            return error
        except TimeoutError:
            return ProviderError("timeout", f"no answer within {max(0.0, left_s):.3g} s")

    def _skipped(self, position: int, candidate: Provider | Missing, why: Refusal) -> Call:
        model = None if isinstance(candidate, Missing) else candidate.model
        return Call(position, 0, candidate.name, model, self.clock.now(), None, why)


def _askable(candidates: Candidates, question: Question) -> int:
    """How many of them have a claim to some of the time."""
    return sum(
        not isinstance(candidate, Missing) and turns.refusal(candidate, question) is None
        for candidate in candidates
    )
