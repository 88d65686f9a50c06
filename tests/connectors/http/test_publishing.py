"""Routes that publish: 202 only for what the broker has, and nothing published otherwise."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import Struct

from connectors.http.app import create_app
from schemas.codec import EVENT_BYTES_MAX, encode
from schemas.examples.upstream import (
    FRONT_GATE,
    MODEL_RESULT,
    MOVEMENT_SEEN,
    PERSON_SEEN,
    REGISTRATION,
    WENT_OFFLINE,
)
from streams.identity import event_id, inference_id
from streams.lanes import Encoded
from streams.queries import Acknowledged
from tests.connectors.http.conftest import World, connected
from tests.connectors.http.test_reading import refusal

EVENTS = "/api/v1/camera-events"
RESULTS = "/api/v1/inference-results"
JSON = {"content-type": "application/json"}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def changed(word: Struct, **changes: object) -> bytes:
    return json.dumps({**json.loads(encode(word)), **changes}).encode()


@pytest.mark.parametrize("word", [PERSON_SEEN, MOVEMENT_SEEN, WENT_OFFLINE], ids=type)
async def test_a_camera_event_is_published_as_it_came(
    client: httpx.AsyncClient, world: World, word: Struct
) -> None:
    body = changed(word, of_a_later_version=[1])

    response = await client.post(EVENTS, content=body, headers=JSON)

    (record,) = world.publisher.records
    assert response.status_code == 202
    assert (record.topic, record.value) == ("camera.events.v1", body)


async def test_the_answer_says_what_it_is_called_and_where_it_is(
    client: httpx.AsyncClient,
) -> None:
    await client.post(EVENTS, content=encode(MOVEMENT_SEEN), headers=JSON)
    response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=JSON)

    id_ = str(event_id(PERSON_SEEN))
    assert response.json() == {
        "id": id_,
        "topic": "camera.events.v1",
        "partition": 0,
        "offset": 1,
    }
    assert response.headers["location"] == f"/api/v1/events/{id_}"


async def test_an_inference_result_goes_to_its_own_topic(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post(RESULTS, content=encode(MODEL_RESULT), headers=JSON)

    assert response.json()["id"] == str(inference_id(MODEL_RESULT))
    assert world.publisher.records[0].topic == "inference.results.v1"


async def test_a_record_has_its_cameras_key_and_a_cloud_events_headers(
    client: httpx.AsyncClient, world: World
) -> None:
    given = {"x-correlation-id": "story-1", "traceparent": TRACE}
    await client.post(EVENTS, content=encode(PERSON_SEEN), headers=JSON | given)

    (record,) = world.publisher.records
    assert record.key == str(FRONT_GATE.id).encode()
    assert dict(record.headers) == {
        "ce_id": str(event_id(PERSON_SEEN)).encode(),
        "ce_type": b"vidette.smart-detection",
        "ce_source": b"protect",
        "ce_time": b"2026-03-14T07:41:05.250000Z",
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
        "correlation_id": b"story-1",
        "traceparent": TRACE.encode(),
    }


async def test_the_correlation_id_of_the_answer_is_the_records(
    client: httpx.AsyncClient, world: World
) -> None:
    response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=JSON)

    made = response.headers["x-correlation-id"].encode()
    assert dict(world.publisher.records[0].headers)["correlation_id"] == made


async def test_a_trace_that_is_malformed_ends_here(client: httpx.AsyncClient, world: World) -> None:
    headers = JSON | {"traceparent": "00-xyz"}
    await client.post(EVENTS, content=encode(PERSON_SEEN), headers=headers)

    assert "traceparent" not in dict(world.publisher.records[0].headers)


REFUSED: dict[str, tuple[str, bytes, int, str, str]] = {
    "nothing": (EVENTS, b"", 422, "empty", ""),
    "truncated": (EVENTS, encode(PERSON_SEEN)[:-4], 422, "malformed", ""),
    "not utf-8": (EVENTS, encode(PERSON_SEEN)[:-1] + b',"a":"\xff"}', 422, "malformed", ""),
    "a wrong type": (EVENTS, changed(PERSON_SEEN, labels="person"), 422, "invalid", "labels"),
    "a wrong type, deep": (
        EVENTS,
        changed(PERSON_SEEN, detections=[{"label": 1}]),
        422,
        "invalid",
        "detections[0].label",
    ),
    "a naive time": (
        EVENTS,
        changed(PERSON_SEEN, timestamp="2026-03-14T07:41:05"),
        422,
        "invalid",
        "timestamp",
    ),
    "another century": (
        EVENTS,
        changed(WENT_OFFLINE, timestamp="1999-03-14T07:41:05Z"),
        422,
        "invalid",
        "timestamp",
    ),
    "a result for an event": (EVENTS, encode(MODEL_RESULT), 422, "unknown_type", "type"),
    "an event for a result": (RESULTS, encode(PERSON_SEEN), 422, "unknown_type", "type"),
    "a registration": (EVENTS, encode(REGISTRATION), 422, "unknown_type", "type"),
    "a nul": (EVENTS, changed(PERSON_SEEN, event_id="a\0"), 422, "nul_character", ""),
    "nested 10,000 deep": (
        EVENTS,
        encode(PERSON_SEEN)[:-1] + b',"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        422,
        "too_deep",
        "",
    ),
    "a frame beyond integer": (
        RESULTS,
        changed(MODEL_RESULT, frame_id=2**31),
        422,
        "invalid",
        "frame_id",
    ),
    "a list of events": (EVENTS, b"[" + encode(PERSON_SEEN) + b"]", 422, "invalid", ""),
    "2 MB": (EVENTS, b" " * 2_000_000, 413, "too_large", ""),
    "what grows when it is written": (
        EVENTS,
        changed(MOVEMENT_SEEN, detections=[{"label": "a"}] * 14_000),
        413,
        "too_large",
        "",
    ),
    "one byte too many": (EVENTS, b" " * (EVENT_BYTES_MAX + 1), 413, "too_large", ""),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_body_is_refused_and_not_published(
    client: httpx.AsyncClient, world: World, name: str
) -> None:
    path, body, *expected = REFUSED[name]

    response = await client.post(path, content=body, headers=JSON)

    assert list(refusal(response)) == expected
    assert world.publisher.records == []


async def test_an_event_of_just_512_kb_is_taken(client: httpx.AsyncClient) -> None:
    body = encode(PERSON_SEEN).ljust(EVENT_BYTES_MAX)

    assert (await client.post(EVENTS, content=body, headers=JSON)).status_code == 202


async def chunks(size: int, count: int, sent: list[int]) -> AsyncIterator[bytes]:
    for _ in range(count):
        sent.append(size)
        yield b" " * size


async def test_a_body_without_length_is_refused_before_all_of_it_is_read(
    client: httpx.AsyncClient,
) -> None:
    sent: list[int] = []

    response = await client.post(EVENTS, content=chunks(65_536, 1_000, sent), headers=JSON)

    assert "content-length" not in response.request.headers
    assert refusal(response) == (413, "too_large", "")
    assert sum(sent) < EVENT_BYTES_MAX + 3 * 65_536


async def test_an_announced_length_is_refused_before_any_of_it_is_read(
    client: httpx.AsyncClient,
) -> None:
    sent: list[int] = []
    headers = JSON | {"content-length": "9999999999999999999999999"}

    response = await client.post(EVENTS, content=chunks(1, 10, sent), headers=headers)

    assert refusal(response) == (413, "too_large", "")
    assert sent == []


async def test_a_chunked_body_of_sane_size_is_taken(
    client: httpx.AsyncClient, world: World
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = encode(PERSON_SEEN)
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    response = await client.post(EVENTS, content=pieces(), headers=JSON)

    assert response.status_code == 202
    assert world.publisher.records[0].value == encode(PERSON_SEEN)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=application/json"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_only_plain_json_is_taken(
    client: httpx.AsyncClient, world: World, headers: dict[str, str]
) -> None:
    response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=headers)

    assert refusal(response) == (415, "unsupported", "")
    assert world.publisher.records == []


async def test_json_may_name_its_charset(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}

    response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=headers)

    assert response.status_code == 202


@pytest.mark.parametrize("path", [EVENTS, RESULTS])
async def test_publishing_says_so_while_kafka_is_away(
    client: httpx.AsyncClient, world: World, path: str
) -> None:
    world.publisher.away = True
    word = PERSON_SEEN if path == EVENTS else MODEL_RESULT

    response = await client.post(path, content=encode(word), headers=JSON)

    assert refusal(response) == (503, "unavailable", "")


class Silent:
    """A publisher whose broker never answers."""

    async def publish(self, record: Encoded) -> Acknowledged:
        await asyncio.Event().wait()
        raise AssertionError(record)

    async def reachable(self) -> None:
        await asyncio.Event().wait()


async def test_without_an_acknowledgement_nothing_is_accepted(world: World) -> None:
    app = create_app(
        reads=world.reads,
        media=world.media,
        publisher=Silent(),
        site=world.site,
        registry=world.registry,
        publish_timeout_s=0.01,
    )
    async with connected(app) as client:
        response = await client.post(EVENTS, content=encode(PERSON_SEEN), headers=JSON)

    assert refusal(response) == (503, "unavailable", "")
