"""Budget that is over before the call that it was put aside for."""

from dataclasses import dataclass
from uuid import UUID

from streams.providers.ports import (
    Provider,
    Question,
    Refusal,
    Reservation,
)
from tests.agents.test_chain import Purse, Scripted, asked, told


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

    assert (told(calls), provider.asked, purse.settled) == ([("openai", 0, "quota")], [], [None])
