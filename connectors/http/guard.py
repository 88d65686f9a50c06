"""Who may ask at all, while there are no keys: this machine, and no web page on its behalf.

A page of another site can make a browser send requests to 127.0.0.1. It is refused by the name it
must use: one whose DNS was bent to 127.0.0.1 comes with its own name in `Host`, one that posts
comes with its own name in `Origin`; and no answer carries CORS headers, so that JSON can't be
posted across sites (the browser asks first and is not allowed to).
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.http.errors import Error, answer

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: refuses foreign hosts and origins."""

    app: ASGIApp
    hosts: frozenset[str] = LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, or answers 403."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        trouble = self._trouble(str(scope["method"]), Headers(scope=scope))
        if trouble:
            refusal = answer(403, Error(reason="forbidden", detail=trouble))
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _trouble(self, method: str, headers: Headers) -> str:
        host = headers.get("host", "")
        if _name(f"//{host}") not in self.hosts:
            return f"the API answers to loopback names only; the host was {host[:100]!r}"
        origin = headers.get("origin")
        if method not in READING and origin is not None and _name(origin) not in self.hosts:
            return f"web pages of other sites may not publish; the origin was {origin[:100]!r}"
        return ""


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
