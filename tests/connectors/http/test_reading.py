"""Routes that read: what they show, what they filter, what they refuse."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest

from streams.telling.sentences import ERRORS, UNDESCRIBED
from tests.connectors.http import rows
from tests.connectors.http.conftest import World

EVENTS = "/api/v1/events"
NOWHERE = "019ceb4a-ab62-8034-a8d6-000000000000"


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    assert set(error) == {"reason", "field", "detail"}
    assert error["detail"]
    return response.status_code, error["reason"], error["field"]


async def ids(client: httpx.AsyncClient, **query: str) -> list[str]:
    response = await client.get(EVENTS, params=query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_cameras_are_shown_with_what_the_registry_says(client: httpx.AsyncClient) -> None:
    (camera,) = (await client.get("/api/v1/cameras")).json()["items"]

    assert camera["id"] == str(rows.CAMERA.id)
    assert camera["name"] == "Front gate"
    assert camera["settings"]["zones"][0]["name"] == "gate"


async def test_events_are_shown_newest_first(client: httpx.AsyncClient) -> None:
    assert await ids(client) == [str(rows.RESULT.id), str(rows.EVENT.id)]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"camera": str(rows.EVENT.camera_id)}, 2),
        ({"camera": str(uuid4())}, 0),
        ({"outcome": "described"}, 1),
        ({"outcome": "skipped"}, 0),
        ({"provider": "openai"}, 1),
        ({"label": "backpack"}, 1),
        ({"label": "person"}, 2),
        ({"label": "pers"}, 0),
        ({"model": "yolo11n-640"}, 1),
        ({"from": rows.RESULT.timestamp.isoformat()}, 1),
        ({"to": rows.RESULT.timestamp.isoformat()}, 1),
        ({"to": (rows.RESULT.timestamp + timedelta(microseconds=1)).isoformat()}, 2),
        ({"from": "2026-03-14T13:11:05.25+05:30", "to": "2026-03-14T07:41:05.4Z"}, 1),
        ({"outcome": "described", "label": "person", "model": "yolo11n-640"}, 0),
    ],
)
async def test_filters_leave_what_was_asked_for(
    client: httpx.AsyncClient, query: dict[str, str], shown: int
) -> None:
    assert len(await ids(client, **query)) == shown


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"camera": "front gate"}, "camera"),
        ({"outcome": "lost"}, "outcome"),
        ({"from": "2026-03-14T07:41:05"}, "from"),
        ({"from": "0001-01-01T00:00:00+23:00"}, "from"),
        ({"to": "yesterday"}, "to"),
        ({"label": "a\0b"}, "label"),
        ({"provider": ""}, "provider"),
        ({"model": "x" * 129}, "model"),
        ({"form": "2026-03-14T07:41:05Z"}, "form"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "ä" * 32}, "cursor"),
        ({"cursor": "f" * 32}, "cursor"),
        ({"cursor": "A" * 33}, "cursor"),
        ({"cursor": "x" * 1000}, "cursor"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_refused_by_name(
    client: httpx.AsyncClient, query: dict[str, str], field: str
) -> None:
    assert refusal(await client.get(EVENTS, params=query)) == (422, "invalid", field)


async def test_an_event_explains_itself(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"{EVENTS}/{rows.EVENT.id}")).json()

    assert found["description"] == rows.EVENT.description
    assert [(a["provider"], a["status"], a["cost_usd"]) for a in found["attempts"]] == [
        ("grok", "skipped", None),
        ("openai", "answered", "0.000598"),
    ]
    assert found["attempts"][1]["usage"]["input_tokens"] == 1904
    assert found["clip"]["motion"]["tracks"]
    assert found["frames"][0]["url"] == f"/api/v1/frames/{rows.CLIP.frames[0].sha256}"
    assert found["event_metadata"]["event"]["type"] == "smart-detection"


async def test_an_attempt_says_in_plain_words_why_nobody_answered(
    client: httpx.AsyncClient,
) -> None:
    found = (await client.get(f"{EVENTS}/{rows.EVENT.id}")).json()

    assert [a["sentence"] for a in found["attempts"]] == [str(ERRORS["policy"]), None]


async def test_an_event_without_a_description_says_why_in_plain_words(
    client: httpx.AsyncClient, world: World
) -> None:
    tired = replace(rows.EVENT, outcome="undescribed", reason="all_providers_failed")
    world.reads.event_rows = [tired]

    found = (await client.get(f"{EVENTS}/{tired.id}")).json()

    assert found["sentence"] == str(UNDESCRIBED["all_providers_failed"])


async def test_an_event_is_found_by_the_id_that_publishing_answered(
    client: httpx.AsyncClient,
) -> None:
    found = await client.get(f"{EVENTS}/{rows.EVENT.event_id}")

    assert found.json()["id"] == str(rows.EVENT.id)


async def test_an_event_without_a_clip_has_no_frames(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"{EVENTS}/{rows.RESULT.id}")).json()

    assert (found["clip"], found["frames"]) == (None, [])


async def test_an_unknown_event_is_not_found(client: httpx.AsyncClient) -> None:
    assert refusal(await client.get(f"{EVENTS}/{NOWHERE}")) == (404, "not_found", "")


@pytest.mark.parametrize("bad", ["7", "019ceb4a", "../health", "%00", "x" * 500])
async def test_what_is_no_uuid_is_no_event(client: httpx.AsyncClient, bad: str) -> None:
    response = await client.get(f"{EVENTS}/{bad}")

    assert refusal(response)[0] in {404, 422}


async def test_a_frame_is_a_jpeg_that_never_changes(
    client: httpx.AsyncClient, world: World
) -> None:
    jpeg = b"\xff\xd8\xff\xe0 a picture"
    digest = await world.media.put(jpeg)

    response = await client.get(f"/api/v1/frames/{digest}")

    assert response.content == jpeg
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_frame_that_the_browser_has_is_not_sent_again(
    client: httpx.AsyncClient, world: World
) -> None:
    digest = await world.media.put(b"\xff\xd8\xff\xe0 a picture")

    response = await client.get(
        f"/api/v1/frames/{digest}", headers={"if-none-match": f'"{digest}"'}
    )

    assert (response.status_code, response.content) == (304, b"")


async def test_other_content_of_the_media_store_is_no_frame(
    client: httpx.AsyncClient, world: World
) -> None:
    digest = await world.media.put(b"<html><script>alert(1)</script>")

    assert refusal(await client.get(f"/api/v1/frames/{digest}")) == (404, "not_found", "")


async def test_an_unknown_frame_is_not_found(client: httpx.AsyncClient) -> None:
    digest = sha256(b"nothing").hexdigest()

    assert refusal(await client.get(f"/api/v1/frames/{digest}")) == (404, "not_found", "")


@pytest.mark.parametrize("bad", ["abc", "A" * 64, "g" * 64, "0" * 64 + "%0A", "0" * 65])
async def test_what_is_no_hash_is_no_frame(client: httpx.AsyncClient, bad: str) -> None:
    assert refusal(await client.get(f"/api/v1/frames/{bad}")) == (422, "invalid", "hash")


@pytest.mark.parametrize("path", ["/api/v1/cameras", EVENTS, f"{EVENTS}/{NOWHERE}"])
async def test_reading_says_so_while_the_database_is_away(
    client: httpx.AsyncClient, world: World, path: str
) -> None:
    world.reads.away = True

    response = await client.get(path)

    assert refusal(response) == (503, "unavailable", "")
    assert response.headers["retry-after"]
