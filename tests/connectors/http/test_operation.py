"""What every route has in common: health, metrics, who may ask, one shape of errors."""

import asyncio
from dataclasses import dataclass

import httpx
import jsonschema
import pytest
import structlog

from connectors.http.app import create_app
from connectors.memory.reads import MemoryReads
from schemas.codec import encode
from schemas.examples.upstream import PERSON_SEEN
from streams.queries import CameraRow
from tests.connectors.http.conftest import World, connected
from tests.connectors.http.test_publishing import EVENTS, JSON, Silent
from tests.connectors.http.test_reading import refusal

FOREIGN = ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.7:8080", "", "["]
OURS = ["127.0.0.1:8080", "localhost", "LOCALHOST:9999", "[::1]:8080"]


async def test_all_is_well_when_everything_needed_answers(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert {name: c["status"] for name, c in response.json()["checks"].items()} == {
        "kafka": "ok",
        "database": "ok",
    }


@pytest.mark.parametrize("away", ["kafka", "database"])
async def test_health_names_what_is_away(
    client: httpx.AsyncClient, world: World, away: str
) -> None:
    world.publisher.away = away == "kafka"
    world.reads.away = away == "database"

    response = await client.get("/health")

    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    states = {name: check["status"] for name, check in response.json()["checks"].items()}
    assert [name for name, status in states.items() if status != "ok"] == [away]
    assert response.json()["checks"][away]["detail"] == "told to be away"


async def test_what_never_answers_is_away(world: World) -> None:
    app = create_app(
        reads=world.reads,
        media=world.media,
        publisher=Silent(),
        site=world.site,
        registry=world.registry,
        probe_timeout_s=0.01,
    )
    async with connected(app) as client:
        response = await client.get("/health")

    assert response.json()["checks"]["kafka"]["detail"] == "no answer within 0.01 s"


async def test_requests_are_counted_by_route_and_never_by_path(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.get("/api/v1/events/019ceb4a-ab62-841f-862c-da34b02d200a")
    await client.get("/made/up")
    await client.request("BREW", "/made/up/too")

    text = (await client.get("/metrics")).text

    def counted(method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return world.registry.get_sample_value("vidette_http_requests_total", labels)

    assert counted("GET", "/api/v1/events/{id}", "200") == 1
    assert counted("GET", "unmatched", "404") == 1
    assert counted("other", "unmatched", "404") == 1
    assert "vidette_http_request_seconds_count" in text
    assert "/made/up" not in text


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_host_is_refused_wherever_its_name_leads(
    client: httpx.AsyncClient, host: str
) -> None:
    response = await client.get("/api/v1/cameras", headers={"host": host})

    assert refusal(response) == (403, "forbidden", "")


@pytest.mark.parametrize("host", OURS)
async def test_this_machine_is_served_by_all_its_loopback_names(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
async def test_a_page_of_another_site_may_not_publish(
    client: httpx.AsyncClient, world: World, origin: str
) -> None:
    headers = JSON | {"origin": origin}

    response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=headers)

    assert refusal(response) == (403, "forbidden", "")
    assert world.publisher.records == []


async def test_a_browser_that_asks_whether_it_may_publish_is_not_told_so(
    client: httpx.AsyncClient,
) -> None:
    asking = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}

    response = await client.options(EVENTS, headers=asking)

    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("GET", "/nowhere"), ("PUT", "/health"), ("POST", EVENTS)],
)
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = (await client.request(method, path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


async def test_errors_are_json_whatever_the_caller_would_rather_have(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/nowhere", headers={"accept": "text/html"})

    assert refusal(response) == (404, "not_found", "")
    assert response.headers["content-type"] == "application/json"


async def test_a_method_that_a_path_does_not_take_is_named(client: httpx.AsyncClient) -> None:
    response = await client.delete(EVENTS)

    assert refusal(response) == (405, "method_not_allowed", "")
    assert response.headers["allow"] == "POST"


@dataclass
class Broken(MemoryReads):
    """A read model with a fault that nobody foresaw."""

    async def cameras(self) -> list[CameraRow]:
        raise LookupError("postgresql://user:secret@host")


async def test_an_unforeseen_fault_is_logged_and_not_told(world: World) -> None:
    app = create_app(
        reads=Broken(),
        media=world.media,
        publisher=world.publisher,
        site=world.site,
        registry=world.registry,
    )
    with structlog.testing.capture_logs() as logs:
        async with connected(app) as client:
            response = await client.get("/api/v1/cameras", headers={"x-correlation-id": "story-1"})

    assert refusal(response) == (500, "internal", "")
    assert "secret" not in response.text
    assert response.headers["x-correlation-id"] == "story-1"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert [line["event"] for line in logs] == ["failed", "answered"]


async def test_a_callers_correlation_id_is_kept(client: httpx.AsyncClient) -> None:
    response = await client.get("/health", headers={"x-correlation-id": "shift-7:alarm/12"})

    assert response.headers["x-correlation-id"] == "shift-7:alarm/12"


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", 'a"b', "<script>"])
async def test_a_correlation_id_that_could_harm_a_log_is_replaced(
    client: httpx.AsyncClient, given: str
) -> None:
    response = await client.get("/health", headers={"x-correlation-id": given})

    assert response.headers["x-correlation-id"] != given
    assert len(response.headers["x-correlation-id"]) == 36


async def test_requests_at_the_same_time_keep_their_own_correlation_ids(
    client: httpx.AsyncClient,
) -> None:
    given = [f"story-{number}" for number in range(20)]
    headers = [{"x-correlation-id": each} for each in given]

    answers = await asyncio.gather(*(client.get("/health", headers=each) for each in headers))

    assert [answer.headers["x-correlation-id"] for answer in answers] == given


async def test_the_start_page_says_where_to_go(client: httpx.AsyncClient) -> None:
    assert "/api/v1/events" in (await client.get("/")).json()["see"]


async def test_every_operation_is_described_and_shows_an_example_of_each_answer(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"])

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                for kind, content in answer.get("content", {}).items():
                    has_example = "example" in content or kind == "image/jpeg"
                    assert has_example, (path, status)
            if method == "post":
                body = operation["requestBody"]["content"]["application/json"]
                assert body["examples"], path


async def test_every_example_of_the_document_is_valid_by_its_schema(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    found = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            bodies = [*operation["responses"].values(), operation.get("requestBody", {})]
            for content in (c for b in bodies for c in b.get("content", {}).values()):
                examples = [e["value"] for e in content.get("examples", {}).values()]
                for example in [*examples, *([content["example"]] if "example" in content else [])]:
                    rooted = content["schema"] | {"components": document["components"]}
                    jsonschema.Draft202012Validator(rooted).validate(example)
                    found += 1

    assert found > 30


async def test_the_document_knows_no_other_shape_of_error(client: httpx.AsyncClient) -> None:
    text = (await client.get("/openapi.json")).text

    assert "HTTPValidationError" not in text
