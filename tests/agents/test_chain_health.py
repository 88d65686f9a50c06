"""A chain over what workers share: one provider's trouble costs one call, not one per event."""

import asyncio

from agents.chain import Chain
from agents.health import SharedHealth
from connectors.memory.providers.chain import FixedRoster, NoLimits, Unannounced
from schemas.attempts import ErrorClass
from streams.providers.ports import Profile, Refusal, Reply
from tests.agents.test_chain import ASKED, Scripted
from tests.agents.test_health import Site, lived
from tests.simulation.virtual import VirtualClock

ONE_CALL = Profile(retries=0)


def chain(site: Site, health: SharedHealth, *providers: Scripted) -> Chain:
    clock = VirtualClock(site.loop)
    return Chain(FixedRoster(providers), health, NoLimits(), Unannounced(), clock)


async def told(made: Chain, site: Site) -> list[str]:
    """Of each provider in turn: that it answered, or the class of its failure, or why not asked."""
    found = []
    for call in await made.ask(ASKED, site.loop.time() + 30.0):
        if isinstance(call.result, Reply):
            found.append("answered")
        elif isinstance(call.result, Refusal):
            found.append(call.result.reason)
        else:
            found.append(call.result.error_class)
    return found


def test_a_quota_error_costs_the_chains_of_all_workers_that_one_call() -> None:
    async def story(site: Site) -> None:
        first, second = Scripted("first", ["quota"] * 9, ONE_CALL), Scripted("second")
        chains = [chain(site, await site.worker(), first, second) for _ in range(2)]

        story_of_one = [await told(chains[0], site)]
        await asyncio.sleep(0.1)
        story_of_one += [await told(made, site) for made in chains]

        assert story_of_one == [["quota", "answered"], *[["blacklisted", "answered"]] * 2]
        assert len(first.asked) == 1

    lived(story)


def test_a_provider_that_stopped_answering_is_asked_five_times_and_then_once_a_minute() -> None:
    async def story(site: Site) -> None:
        script: list[ErrorClass] = ["timeout"] * 6
        first, second = Scripted("first", [*script], ONE_CALL), Scripted("second")
        made = chain(site, await site.worker(), first, second)

        for _ in range(7):
            await told(made, site)
        asked_at_once = len(first.asked)
        await asyncio.sleep(61)
        again = [await told(made, site) for _ in range(2)]
        await asyncio.sleep(61)
        back = [await told(made, site) for _ in range(2)]

        assert asked_at_once == 5
        assert again == [["timeout", "answered"], ["breaker_open", "answered"]]
        assert back == [["answered"], ["answered"]]

    lived(story)
