"""Which addresses may be asked for a clip, and that no spelling of a private one gets through."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clips.addresses import Allowed, is_public
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from streams.ports import ClipError

if TYPE_CHECKING:
    from tests.connectors.clips.conftest import InstantClock, Web

Clips = Callable[..., HttpClips]

PRIVATE = (
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  # an address to refuse, not to bind
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "ff02::1",
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", PRIVATE)
def test_this_address_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_this_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(address=st.ip_addresses(v=4))
def test_an_ipv6_disguise_changes_nothing(address: object) -> None:
    plain = ip_address(str(address))
    disguises = (f"::ffff:{plain}", f"64:ff9b::{int(plain) >> 16:x}:{int(plain) & 0xFFFF:x}")

    assert {is_public(ip_address(text)) for text in disguises} == {is_public(plain)}


@pytest.mark.parametrize(
    ("entry", "host", "address"),
    [
        ("127.0.0.1/32", "127.0.0.1", "127.0.0.1"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("10.0.0.7/8", "x.org", "10.9.9.9"),
        ("::1/128", "::1", "::1"),
        ("127.0.0.1/32", "x.org", "::ffff:127.0.0.1"),
        ("nvr.local", "NVR.local.", "192.168.1.20"),
    ],
)
def test_what_the_settings_name_is_allowed(entry: str, host: str, address: str) -> None:
    Allowed.of([entry]).check(host, ip_address(address))


@pytest.mark.parametrize("entry", ["127.0.0.2/32", "nvr.local", "10.0.0.0/8"])
def test_what_the_settings_do_not_name_is_forbidden(entry: str) -> None:
    with pytest.raises(ClipError, match="forbidden"):
        Allowed.of([entry]).check("x.org", ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0",
        "169.254.169.254",
        "me@127.0.0.1",
        "example.org@127.0.0.1",
        "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
    ],
)
async def test_no_spelling_of_a_private_host_is_asked(web: "Web", clips: Clips, host: str) -> None:
    web.answers["/clip"] = [b""]

    error = await failure(clips(private=("10.0.0.0/8",)), web.url("/clip", host=host))

    assert (error.reason, error.attempts, web.requests) == ("forbidden", 1, [])


async def test_a_redirect_to_a_private_address_is_not_followed(web: "Web", clips: Clips) -> None:
    there = "http://169.254.169.254/latest/meta-data/"
    web.answers["/clip"] = [f"HTTP/1.1 302 Found\r\nlocation: {there}\r\n\r\n".encode()]

    error = await failure(clips(), web.url("/clip"))

    assert error.reason == "forbidden"


async def test_the_remedy_is_named(clips: Clips) -> None:
    error = await failure(clips(private=("10.0.0.0/8",)), "http://127.0.0.1:1/clip")

    assert "VIDETTE_CLIP_PRIVATE_HOSTS" in error.detail


async def test_a_name_with_one_private_address_is_forbidden(
    clock: "InstantClock", tmp_path: Path
) -> None:
    clips = resolving(clock, tmp_path, ["1.1.1.1", "127.0.0.1"])

    assert (await failure(clips, "http://x.org/clip")).reason == "forbidden"


async def test_a_name_that_becomes_private_between_requests_is_forbidden(
    web: "Web", clock: "InstantClock", tmp_path: Path
) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host: str, port: int) -> tuple[str, ...]:
        assert (host, port) == ("x.org", web.port)
        return tuple(next(answers))

    web.answers["/clip"] = [
        b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /clip\r\n\r\n",
    ]
    clips = HttpClips(ClipLimits(), clock, tmp_path, ("127.0.0.1/32",), rebinding)

    error = await failure(clips, web.url("/clip", host="x.org"))

    assert (error.reason, len(web.requests)) == ("forbidden", 1)


async def test_the_server_still_hears_its_own_name(
    web: "Web", clock: "InstantClock", tmp_path: Path
) -> None:
    web.answers["/clip"] = [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]

    await failure(resolving(clock, tmp_path, ["127.0.0.1"]), web.url("/clip", host="x.org"))

    assert f"host: x.org:{web.port}" in web.requests[0].lower()


async def test_the_next_address_is_tried_when_one_refuses(
    web: "Web", clock: "InstantClock", tmp_path: Path
) -> None:
    web.answers["/clip"] = [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]
    clips = resolving(clock, tmp_path, ["127.0.0.2", "127.0.0.1"])

    assert (await failure(clips, web.url("/clip", host="x.org"))).reason == "not_found"


async def test_a_name_that_nobody_knows_is_unreachable(
    clock: "InstantClock", tmp_path: Path
) -> None:
    assert (await failure(resolving(clock, tmp_path, []), "http://x.org/")).reason == "unreachable"


def resolving(clock: "InstantClock", tmp_path: Path, addresses: list[str]) -> HttpClips:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        assert (host, port > 0) == ("x.org", True)
        return tuple(addresses)

    allowed = ("127.0.0.1/32", "127.0.0.2/32") if "1.1.1.1" not in addresses else ()
    return HttpClips(ClipLimits(), clock, tmp_path, allowed, resolve)


async def failure(clips: HttpClips, url: str) -> ClipError:
    with pytest.raises(ClipError) as caught:
        async with clips.fetched(url):
            pass
    return caught.value
