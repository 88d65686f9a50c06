"""Routes that steer providers: which command each publishes, and what is refused."""

import asyncio
from uuid import UUID

import httpx
import pytest

from connectors.http.app import create_app
from connectors.memory.log import MemoryLog
from connectors.memory.publisher import LogPublisher
from connectors.memory.shared import MemoryShared
from schemas.commands import (
    BlacklistProvider,
    ClearCache,
    Commands,
    ResetQuota,
    SwitchProviderOrder,
    UnblacklistProvider,
)
from streams.topics import COMMANDS
from tests.connectors.http.conftest import World, connected
from tests.connectors.http.test_publishing import JSON
from tests.connectors.http.test_reading import refusal

SWITCH = "/api/v1/admin/switch-provider?new_provider="
ORDER = "/api/v1/system/ai-provider-order"
BLACKLIST = "/api/v1/admin/blacklist/"
RESET = "/api/v1/admin/quota/reset/"
CLEAR = "/api/v1/admin/clear-cache/"


def published(world: World) -> Commands:
    (record,) = world.publisher.records
    assert record.topic == COMMANDS.name
    return COMMANDS.codec.decode(record.value)


async def test_a_switch_puts_one_provider_before_the_others(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post(f"{SWITCH}grok", json={"reason": "a try"})

    command = published(world)
    assert response.status_code == 202
    assert isinstance(command, SwitchProviderOrder)
    assert command.order == ("grok", "openai", "anthropic")
    assert (command.issued_by, command.reason) == ("api", "a try")
    assert UUID(response.json()["id"]) == command.id


async def test_a_provider_may_be_named_by_its_alias(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post(f"{SWITCH}claude")

    command = published(world)
    assert isinstance(command, SwitchProviderOrder)
    assert command.order[0] == "anthropic"


async def test_an_order_is_published_as_it_is_asked_for(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.put(ORDER, json={"order": ["motion", "claude"]})

    command = published(world)
    assert response.status_code == 202
    assert isinstance(command, SwitchProviderOrder)
    assert command.order == ("motion", "anthropic")


@pytest.mark.parametrize("minutes", [30, 0.5, None])
async def test_a_provider_is_blacklisted_for_minutes_or_until_it_is_lifted(
    client: httpx.AsyncClient, world: World, minutes: float | None
) -> None:
    response = await client.put(f"{BLACKLIST}openai", json={"minutes": minutes, "reason": "lies"})

    command = published(world)
    assert response.status_code == 202
    assert isinstance(command, BlacklistProvider)
    assert (command.provider, command.minutes, command.reason) == ("openai", minutes, "lies")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("DELETE", f"{BLACKLIST}openai", UnblacklistProvider),
        ("PUT", f"{BLACKLIST}openai", BlacklistProvider),
        ("POST", f"{RESET}openai", ResetQuota),
        ("POST", f"{CLEAR}all", ClearCache),
        ("POST", f"{CLEAR}person", ClearCache),
    ],
)
async def test_a_command_needs_no_body(
    client: httpx.AsyncClient, world: World, method: str, path: str, kind: type[Commands]
) -> None:
    response = await client.request(method, path)

    assert response.status_code == 202
    assert type(published(world)) is kind


async def test_a_command_is_part_of_the_callers_story(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post(f"{RESET}openai", headers={"x-correlation-id": "shift-7"})

    assert published(world).correlation_id == "shift-7"


@pytest.mark.parametrize(
    ("request_line", "field", "known"),
    [
        (f"POST {SWITCH}nobody", "new_provider", "anthropic"),
        (f"PUT {BLACKLIST}nobody", "provider", "anthropic"),
        (f"DELETE {BLACKLIST}nobody", "provider", "anthropic"),
        (f"POST {RESET}nobody", "provider", "anthropic"),
        (f"POST {CLEAR}nobody", "kind", "person, all"),
    ],
)
async def test_a_name_that_nobody_has_is_refused_with_those_that_are_known(
    client: httpx.AsyncClient, world: World, request_line: str, field: str, known: str
) -> None:
    response = await client.request(*request_line.split())

    assert refusal(response) == (422, "invalid", field)
    assert known in response.json()["error"]["detail"]
    assert world.publisher.records == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ORDER, "", "order"),
        (ORDER, "{}", "order"),
        (ORDER, '{"order": []}', "order"),
        (ORDER, '{"order": ["nobody"]}', "order"),
        (ORDER, '{"order": ["claude", "anthropic"]}', "order"),
        (ORDER, '{"order": "grok"}', "order"),
        (f"{BLACKLIST}grok", '{"minutes": 0}', "minutes"),
        (f"{BLACKLIST}grok", '{"minutes": NaN}', "minutes"),
        (f"{BLACKLIST}grok", '{"minutes": 1e9}', "minutes"),
        (f"{BLACKLIST}grok", '{"minute": 5}', "minute"),
        (f"{BLACKLIST}grok", '{"reason": 5}', "reason"),
        (f"{BLACKLIST}grok", f'{{"reason": "{"x" * 2_001}"}}', "reason"),
        (f"{BLACKLIST}grok", '{"reason": "\\ud800"}', ""),
        (f"{BLACKLIST}grok", "[]", ""),
        (f"{BLACKLIST}grok", "{", ""),
    ],
)
async def test_a_body_that_says_something_else_is_refused(
    client: httpx.AsyncClient, world: World, path: str, body: str, field: str
) -> None:
    response = await client.put(path, content=body, headers=JSON)

    assert refusal(response) == (422, "invalid", field)
    assert world.publisher.records == []


async def test_a_body_must_be_json(client: httpx.AsyncClient) -> None:
    response = await client.put(f"{BLACKLIST}grok", content="minutes=5")

    assert refusal(response) == (415, "unsupported", "")


async def test_a_page_of_another_site_may_not_steer(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post(f"{SWITCH}grok", headers={"origin": "https://evil.example"})

    assert refusal(response) == (403, "forbidden", "")
    assert world.publisher.records == []


async def test_a_log_that_is_away_takes_no_command(client: httpx.AsyncClient, world: World) -> None:
    world.publisher.away = True

    assert refusal(await client.post(f"{RESET}openai")) == (503, "unavailable", "")


async def test_a_switch_is_visible_in_health_as_soon_as_the_log_is_read(world: World) -> None:
    log = MemoryLog()
    shared, read = MemoryShared(log), asyncio.Event()

    def heed(command: Commands) -> None:
        world.board.orders.apply(command)
        read.set()

    following = asyncio.create_task(shared.follow(world.board.read, heed))
    app = create_app(
        reads=world.reads,
        media=world.media,
        publisher=LogPublisher(log),
        site=world.site,
        registry=world.registry,
    )
    async with connected(app) as client:
        assert (await client.post(f"{SWITCH}anthropic")).status_code == 202
        await read.wait()
        body = (await client.get("/api/v1/health/providers")).json()
    following.cancel()

    assert body["order"] == ["anthropic", "openai", "grok"]
    assert body["items"][0]["provider"] == "anthropic"
