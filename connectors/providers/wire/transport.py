"""The HTTP client under every SDK: one way to connect, to time out and to fail."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Final

import httpx2

from connectors.providers.wire.meanings import Meaning

MEANING: Final[Mapping[type[Exception], Meaning]] = {
    httpx2.TimeoutException: "timeout",
    httpx2.TransportError: "network",
    httpx2.RequestError: "network",
    httpx2.DecodingError: "malformed",
    httpx2.TooManyRedirects: "bad_request",
    httpx2.HTTPStatusError: "bad_request",
    httpx2.InvalidURL: "bad_request",
    httpx2.CookieConflict: "bad_request",
    httpx2.StreamError: "network",
    TimeoutError: "timeout",
    OSError: "network",
}


def client(*, timeout_s: float, local: bool = False) -> httpx2.AsyncClient:
    """Goes where it is told and nowhere else: it follows no redirect with frames in hand.

    To a local server it goes straight, whatever proxy the machine uses for the world outside.
    """
    return httpx2.AsyncClient(
        timeout=timeout_s, follow_redirects=False, trust_env=not local, verify=_trusted()
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading all authorities takes longer than a call to a server nearby."""
    return httpx2.create_ssl_context()
