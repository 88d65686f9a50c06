"""Routes that show providers, over in-memory twins."""

from datetime import timedelta

import httpx
import msgspec
import pytest

from connectors.http.app import create_app
from connectors.http.providers.site import Site
from schemas.examples.operation import BLACKLISTED, BREAKER, CLEAR_CACHE, SWITCH
from streams.queries import Unavailable
from streams.quota.amounts import Amounts, began
from tests.connectors.http import rows
from tests.connectors.http.conftest import World, connected
from tests.connectors.http.test_reading import refusal

PROVIDERS = "/api/v1/system/ai-providers"
HEALTH = "/api/v1/health/providers"
QUOTA = "/api/v1/health/quota"
CACHE = "/api/v1/health/cache"
STATS = "/api/v1/system/ai-stats"


async def told(client: httpx.AsyncClient, path: str = PROVIDERS) -> dict[str, dict[str, object]]:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return {one["provider"]: one for one in response.json()["items"]}


async def test_providers_are_shown_in_the_order_of_asking(client: httpx.AsyncClient) -> None:
    body = (await client.get(PROVIDERS)).json()

    assert body["order"] == ["openai", "grok", "anthropic"]
    assert [(one["provider"], one["place"]) for one in body["items"]] == [
        ("openai", 1),
        ("grok", 2),
        ("anthropic", 3),
        ("motion", None),
    ]


async def test_a_key_that_is_missing_is_named(client: httpx.AsyncClient) -> None:
    found = (await told(client))["grok"]

    assert (found["missing_key"], found["well"]) == ("XAI_API_KEY", False)
    assert found["health"] == "passed over: XAI_API_KEY is not set"


async def test_each_provider_says_its_model_and_whether_frames_stay(
    client: httpx.AsyncClient,
) -> None:
    found = await told(client)

    assert (found["openai"]["model"], found["openai"]["local"]) == ("gpt-5-mini", False)
    assert (found["motion"]["model"], found["motion"]["local"]) == ("motion-1", True)


async def test_an_open_breaker_is_told_in_words(client: httpx.AsyncClient, world: World) -> None:
    until = rows.NOW + timedelta(seconds=60)
    world.board.read(msgspec.structs.replace(BREAKER, until=until))

    found = (await told(client, HEALTH))["openai"]

    assert (found["breaker"], found["well"]) == ("open", False)
    assert found["health"] == f"not asked until {until:%F %T} UTC: no answer within 20 s"


async def test_a_breaker_whose_time_is_over_is_about_to_be_tried(
    client: httpx.AsyncClient, world: World
) -> None:
    world.board.read(msgspec.structs.replace(BREAKER, until=rows.NOW))

    found = (await told(client, HEALTH))["openai"]

    assert found["health"] == "tried again with the next event: no answer within 20 s"


async def test_an_entry_of_the_blacklist_is_shown_with_its_reason(
    client: httpx.AsyncClient, world: World
) -> None:
    world.board.read(msgspec.structs.replace(BLACKLISTED, provider="anthropic"))

    found = (await told(client, HEALTH))["anthropic"]

    assert found["health"] == "not asked: the key is not valid; until an operator lifts it"
    assert found["blacklist"] == [
        {
            "scope": "key",
            "subject": "5f1c9ab3e07d",
            "until": None,
            "error_class": "auth",
            "detail": "the key is not valid",
        }
    ]


async def test_a_switch_that_was_read_is_the_order(client: httpx.AsyncClient, world: World) -> None:
    world.board.orders.apply(SWITCH)

    body = (await client.get(HEALTH)).json()

    assert body["order"] == ["gemini", "anthropic", "openai"]
    assert body["items"][0]["provider"] == "gemini"


@pytest.mark.parametrize("path", [PROVIDERS, HEALTH, CACHE])
async def test_nothing_is_told_of_a_log_that_was_not_read_yet(world: World, path: str) -> None:
    async def unread() -> None:
        raise Unavailable("kafka", "the brokers don't answer")

    app = create_app(
        reads=world.reads,
        media=world.media,
        publisher=world.publisher,
        site=Site(world.budgets, ready=unread),
        registry=world.registry,
    )
    async with connected(app) as client:
        response = await client.get(path)

    assert refusal(response) == (503, "unavailable", "")


async def test_budgets_are_shown_with_their_limits(client: httpx.AsyncClient, world: World) -> None:
    day = began("day", rows.NOW)
    world.budgets.taken["openai", "day", day] = Amounts(requests=750)

    items = (await client.get(QUOTA)).json()["items"]

    limited = [one for one in items if one["limit"] is not None]
    assert [(one["provider"], one["window"], one["measure"]) for one in limited] == [
        ("openai", "day", "requests")
    ]
    assert (limited[0]["taken"], limited[0]["limit"], limited[0]["percent"]) == ("750", "1000", 75)


async def test_budgets_that_cannot_be_read_are_unavailable(
    client: httpx.AsyncClient, world: World
) -> None:
    world.budgets.away = True

    response = await client.get(QUOTA)

    assert refusal(response) == (503, "unavailable", "")
    assert response.json()["error"]["detail"].startswith("database")


async def test_caches_are_counted_by_kind(client: httpx.AsyncClient, world: World) -> None:
    world.reads.answer_rows += [rows.GIVEN, rows.USED_AGAIN]

    items = (await client.get(CACHE)).json()["items"]

    assert items == [{"kind": "person", "entries": 1, "misses": 1, "hits": 1, "hit_rate": 0.5}]


@pytest.mark.parametrize(("kind", "entries"), [("person", 0), ("all", 0), ("motion", 1)])
async def test_what_was_cleared_is_no_entry_any_more(
    client: httpx.AsyncClient, world: World, kind: str, entries: int
) -> None:
    world.reads.answer_rows.append(rows.GIVEN)
    world.board.orders.apply(msgspec.structs.replace(CLEAR_CACHE, kind=kind, issued_at=rows.NOW))

    (found,) = (await client.get(CACHE)).json()["items"]

    assert (found["entries"], found["misses"]) == (entries, 1)


async def test_statistics_tell_events_success_and_cost_by_provider(
    client: httpx.AsyncClient, world: World
) -> None:
    world.reads.attempt_rows.append(rows.FAILED)

    body = (await client.get(STATS)).json()

    assert body["events_per_provider"] == {"openai": 1}
    assert body["total_events"] == 1
    assert body["providers"] == {
        "openai": {
            "answered": 1,
            "failed": 1,
            "success_rate": 0.5,
            "cost_usd": "0.000598",
            "unknown_costs": 1,
        }
    }
    assert (body["cost_usd"], body["unknown_costs"]) == ("0.000598", 1)


async def test_statistics_are_of_the_range_that_was_asked_for(client: httpx.AsyncClient) -> None:
    body = (await client.get(STATS, params={"range": "7d"})).json()

    assert body["time_range"] == "7d"
    assert body["date_range"] == {
        "from": (rows.NOW - timedelta(days=7)).isoformat().replace("+00:00", "Z"),
        "to": rows.NOW.isoformat().replace("+00:00", "Z"),
    }


async def test_all_begins_with_the_oldest_event(client: httpx.AsyncClient, world: World) -> None:
    old = rows.EVENT.timestamp - timedelta(days=400)
    world.reads.event_rows.append(rows.event(1, old))

    body = (await client.get(STATS, params={"range": "all"})).json()

    assert body["date_range"]["from"] == old.isoformat().replace("+00:00", "Z")


async def test_a_site_without_events_has_statistics_too(
    client: httpx.AsyncClient, world: World
) -> None:
    world.reads.event_rows.clear()
    world.reads.attempt_rows.clear()

    body = (await client.get(STATS, params={"range": "all"})).json()

    assert (body["total_events"], body["providers"], body["cost_usd"]) == (0, {}, "0")
    assert body["date_range"]["from"] is None


async def test_a_range_that_nobody_knows_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get(STATS, params={"range": "1y"})

    assert refusal(response) == (422, "invalid", "range")
