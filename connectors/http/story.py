"""What every request carries (a correlation id, into log, answer and record) and every answer too.

The last resort is here too: what no route translated becomes a 500 and a traceback in the log.
"""

import re
import uuid
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.http.errors import EXAMPLES, Error, answer

CORRELATION_HEADER: Final = "x-correlation-id"
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:/@+=-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_METHODS: Final = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})

SECURITY_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""On every answer that does not say otherwise."""

log = structlog.get_logger("vidette.http")


class HttpMetrics:
    """Requests by route and status, and their time; never by path, which anybody can make up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "vidette_http_requests",
            "Requests answered by the HTTP API.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "vidette_http_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            registry=registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


@dataclass(frozen=True)
class Story:
    """ASGI middleware, the outermost."""

    app: ASGIApp
    metrics: HttpMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Binds the correlation id, counts and logs the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        correlation_id = correlation(Headers(scope=scope))
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        began, statuses = perf_counter(), list[int]()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                headers = MutableHeaders(scope=message)
                headers[CORRELATION_HEADER] = correlation_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            await self._answered(scope, receive, sending, statuses)
            status, seconds = statuses[0] if statuses else 500, perf_counter() - began
            self.metrics.answered(scope["method"], route(scope), status, seconds)
            log.info(
                "answered",
                method=scope["method"],
                path=scope["path"][:200],
                status=status,
                seconds=round(seconds, 4),
            )

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, statuses: list[int]
    ) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("failed", method=scope["method"], route=route(scope))
            if statuses:
                raise  # half an answer is out: only the server can still cut the connection
            internal = Error(reason="internal", detail=EXAMPLES[500][2])
            await answer(500, internal)(scope, receive, send)


def correlation(headers: Headers) -> str:
    """The caller's own, when it is short and harmless in a log; else a new one."""
    given = headers.get(CORRELATION_HEADER, "")
    return given if _CORRELATION.fullmatch(given) else str(uuid.uuid4())


def traceparent(headers: Headers) -> str | None:
    """W3C Trace Context, when it is well-formed."""
    given = headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None


def route(scope: Scope) -> str:
    """The template of the path that matched."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
