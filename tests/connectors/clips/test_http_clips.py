"""Clips over HTTP: every way a server can fail has one exact reason."""

import asyncio
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from connectors.clips.http import MEANING, HttpClips
from connectors.clips.limits import ClipLimits
from streams.ports import ClipError

if TYPE_CHECKING:
    from tests.connectors.clips.conftest import InstantClock, Web

Clips = Callable[..., HttpClips]
HTML = b"<!doctype html><p>Log in</p>"


def response(body: bytes = b"", status: str = "200 OK", **headers: object) -> bytes:
    given = {"content-length": len(body), "content-type": "video/mp4"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


async def content(clips: HttpClips, url: str) -> bytes:
    async with clips.fetched(url) as path:
        return await asyncio.to_thread(path.read_bytes)


async def failure(clips: HttpClips, url: str) -> ClipError:
    with pytest.raises(ClipError) as caught:
        await content(clips, url)
    return caught.value


async def test_a_clip_is_what_the_server_sent(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"a clip")]

    assert await content(clips(), web.url("/clip")) == b"a clip"


async def test_the_file_is_gone_afterwards(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"a clip")]

    async with clips().fetched(web.url("/clip")) as path:
        pass

    assert not path.exists()


async def test_what_a_crash_left_an_hour_ago_is_swept(
    web: "Web", clips: Clips, tmp_path: Path
) -> None:
    (tmp_path / "scratch").mkdir()
    old, new = tmp_path / "scratch" / "clip-old", tmp_path / "scratch" / "clip-new"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    web.answers["/clip"] = [response(b"a clip")]

    await content(clips(), web.url("/clip"))

    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    ("status", "reason", "attempts"),
    [
        ("404 Not Found", "not_found", 1),
        ("410 Gone", "not_found", 1),
        ("401 Unauthorized", "refused", 1),
        ("403 Forbidden", "refused", 1),
        ("418 I'm a teapot", "refused", 1),
        ("304 Not Modified", "refused", 1),
        ("408 Request Timeout", "timed_out", 4),
        ("429 Too Many Requests", "unreachable", 4),
        ("500 Internal Server Error", "unreachable", 4),
        ("503 Service Unavailable", "unreachable", 4),
        ("504 Gateway Timeout", "timed_out", 4),
    ],
)
async def test_a_status_has_one_reason(
    web: "Web", clips: Clips, status: str, reason: str, attempts: int
) -> None:
    web.answers["/clip"] = [response(b"no", status)]

    error = await failure(clips(), web.url("/clip"))

    assert (error.reason, error.attempts, len(web.requests)) == (reason, attempts, attempts)


async def test_what_can_pass_is_retried_after_1_2_and_4_seconds(
    web: "Web", clips: Clips, clock: "InstantClock"
) -> None:
    web.answers["/clip"] = [response(b"no", "503 Busy")]

    await failure(clips(), web.url("/clip"))

    assert clock.waits_s == [1.0, 2.0, 4.0]


async def test_a_retry_that_succeeds_gives_the_clip(web: "Web", clips: Clips) -> None:
    cut = response(b"half", content_length=9)
    web.answers["/clip"] = [response(b"no", "503 Busy"), cut, response(b"the whole")]

    assert await content(clips(), web.url("/clip")) == b"the whole"


async def test_a_cut_download_is_unreachable_and_says_where(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"12345", content_length=9)]

    error = await failure(clips(), web.url("/clip"))

    assert (error.reason, error.attempts) == ("unreachable", 4)
    assert error.detail.endswith("cut after 5 of 9 bytes")


async def test_a_web_page_is_not_video_whatever_its_status(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(HTML, content_type="text/html; charset=utf-8")]

    error = await failure(clips(), web.url("/clip"))

    assert (error.reason, error.attempts) == ("not_video", 1)


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
async def test_no_bytes_are_an_empty_clip(web: "Web", clips: Clips, status: str) -> None:
    web.answers["/clip"] = [response(b"", status)]

    assert (await failure(clips(), web.url("/clip"))).reason == "empty"


async def test_a_clip_that_says_it_is_too_large_is_not_downloaded(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"", content_length=10**12)]

    assert (await failure(clips(), web.url("/clip"))).reason == "too_large"


async def test_a_clip_that_turns_out_too_large_is_given_up(web: "Web", clips: Clips) -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(3 << 20)
    web.answers["/clip"] = [endless]

    assert (
        await failure(clips(ClipLimits(bytes_max=1 << 20)), web.url("/clip"))
    ).reason == "too_large"


async def test_a_compressed_answer_is_refused_unread(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"bomb", content_encoding="gzip")]

    assert (await failure(clips(), web.url("/clip"))).reason == "not_video"


@pytest.mark.parametrize(
    "limits",
    [
        ClipLimits(stall_s=0.05, retries_s=()),
        ClipLimits(timeout_s=0.05, retries_s=()),
        ClipLimits(deadline_s=0.05),
    ],
    ids=["stall", "download", "deadline"],
)
@pytest.mark.parametrize("said", [b"", response(b"12", content_length=9)], ids=["mute", "midway"])
async def test_a_server_that_stalls_times_out(
    web: "Web", clips: Clips, limits: ClipLimits, said: bytes
) -> None:
    web.stalls["/clip"] = said

    assert (await failure(clips(limits), web.url("/clip"))).reason == "timed_out"


async def test_a_server_that_is_not_there_is_unreachable(web: "Web", clips: Clips) -> None:
    async with await asyncio.start_server(web.answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]

    error = await failure(clips(), f"http://127.0.0.1:{port}/clip")

    assert (error.reason, error.attempts) == ("unreachable", 4)


async def test_a_server_that_speaks_something_else_is_unreachable(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [b"SSH-2.0-OpenSSH_9.6\r\n"]

    assert (await failure(clips(), web.url("/clip"))).reason == "unreachable"


async def test_a_redirect_is_followed(web: "Web", clips: Clips) -> None:
    web.answers["/old"] = [response(b"", "302 Found", location="/new")]
    web.answers["/new"] = [response(b"a clip")]

    assert await content(clips(), web.url("/old")) == b"a clip"


async def test_redirects_without_end_are_refused(web: "Web", clips: Clips) -> None:
    web.answers["/loop"] = [response(b"", "302 Found", location="/loop")]

    error = await failure(clips(), web.url("/loop"))

    assert (error.reason, len(web.requests)) == ("refused", 6)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a", "gopher://a/1"])
async def test_a_redirect_out_of_http_is_forbidden(web: "Web", clips: Clips, target: str) -> None:
    web.answers["/clip"] = [response(b"", "302 Found", location=target)]

    assert (await failure(clips(), web.url("/clip"))).reason == "forbidden"


async def test_credentials_go_to_the_host_that_they_are_for(web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [response(b"a clip")]

    await content(clips(), web.url("/clip").replace("http://", "http://me:secret@"))

    assert "authorization: basic bwu6c2vjcmv0" in web.requests[0].lower()


async def test_credentials_do_not_follow_a_redirect_to_another_host(
    web: "Web", clips: Clips
) -> None:
    elsewhere = web.url("/clip", host="localhost")
    web.answers["/old"] = [response(b"", "302 Found", location=elsewhere)]
    web.answers["/clip"] = [response(b"a clip")]

    both = clips(private=("127.0.0.1/32", "localhost"))
    await content(both, web.url("/old").replace("http://", "http://me:secret@"))

    assert "authorization" not in web.requests[1].lower()


async def test_credentials_and_keys_stay_out_of_the_detail(web: "Web", clips: Clips) -> None:
    web.answers["/clip?key=secret"] = [response(b"no", "404 Not Found")]

    url = web.url("/clip?key=secret").replace("http://", "http://me:secret@")

    assert "secret" not in (await failure(clips(), url)).detail


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http:///clip", "http://a b/c"])
async def test_what_is_no_url_fails_with_a_reason(clips: Clips, url: str) -> None:
    assert (await failure(clips(), url)).reason in {"forbidden", "unreachable"}


def test_every_failure_of_httpx_has_a_meaning() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.HTTPError)
    }
    roots = {httpx.HTTPError, httpx.RequestError}

    assert {kind for kind in kinds if not issubclass(kind, tuple(MEANING))} == roots
