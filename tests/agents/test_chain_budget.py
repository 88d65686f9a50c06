"""Budget that is over before the call that it was put aside for."""

from dataclasses import dataclass
from uuid import UUID

from agents.chain import Chain
from connectors.memory.providers.chain import Announced, FixedRoster, GoodHealth
from streams.providers.attempts import attempted
from streams.providers.ports import (
    Provider,
    Question,
    Refusal,
    Reservation,
)
from tests.agents.runtime.scene import FastClock
from tests.agents.test_chain import ASKED, Purse, Scripted, asked, told


@dataclass
class Brief(Purse):
    """Puts budget aside that is over at once."""

    async def reserve(
        self, provider: Provider, question: Question, attempt_id: UUID
    ) -> Reservation | Refusal:
        del question
        return Reservation(attempt_id, provider.name, 1, None, attempt_id, ends=0.0)


async def test_a_call_whose_budget_is_over_before_it_could_begin_is_not_made() -> None:
    purse, provider = Brief(), Scripted("openai")

    calls = await asked(provider, purse=purse)

    assert (told(calls), provider.asked, purse.settled) == ([("openai", 1, "quota")], [], [None])


async def test_what_was_announced_and_then_not_made_has_its_end_in_the_log() -> None:
    announced, clock = Announced(), FastClock()
    chain = Chain(FixedRoster((Scripted("openai"),)), GoodHealth(), Brief(), announced, clock)

    (call,) = await chain.ask(ASKED, clock.monotonic() + 60.0)

    end = attempted(ASKED, call)
    assert [begun.id for begun in announced.attempts] == [end.id]
    assert (end.status, end.not_asked) == ("skipped", "quota")
