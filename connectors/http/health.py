"""`GET /health` and `GET /metrics`: for supervisors, scrapers and people in a hurry."""

import asyncio
from collections.abc import Mapping
from time import perf_counter

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from connectors.http.errors import documented
from connectors.http.models import Check, Health
from streams.queries import Probe, Unavailable

_OK = {"status": "ok", "checks": {"kafka": {"status": "ok", "detail": "", "seconds": 0.004}}}
_AWAY = {
    "status": "unavailable",
    "checks": {"kafka": {"status": "unavailable", "detail": "no answer in 3 s", "seconds": 3.0}},
}


def routes(
    probes: Mapping[str, Probe], registry: CollectorRegistry, *, timeout_s: float
) -> APIRouter:
    """Routes that tell how we are."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/health",
        summary="Whether Kafka and the database can be reached",
        responses={
            **documented(),
            200: {"content": {"application/json": {"example": _OK}}},
            503: {
                "model": Health,
                "description": "something that is needed is away",
                "content": {"application/json": {"example": _AWAY}},
            },
        },
    )
    async def health(response: Response) -> Health:
        """200 when everything that is needed can be reached, else 503 with the same body."""
        checks = await asyncio.gather(*(_checked(probe, timeout_s) for probe in probes.values()))
        is_well = all(check.status == "ok" for check in checks)
        response.status_code = 200 if is_well else 503
        return Health(
            status="ok" if is_well else "unavailable",
            checks=dict(zip(probes, checks, strict=True)),
        )

    @router.get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        response_class=Response,
        responses={
            **documented(),
            200: {
                "content": {
                    CONTENT_TYPE_LATEST: {
                        "schema": {"type": "string"},
                        "example": 'vidette_http_requests_total{method="GET"} 3.0',
                    }
                }
            },
        },
    )
    async def metrics() -> Response:
        """All metrics of this process."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _checked(probe: Probe, timeout_s: float) -> Check:
    began = perf_counter()
    detail = ""
    try:
        async with asyncio.timeout(timeout_s):
            await probe()
    except Unavailable as error:
        detail = error.detail or "can't be reached"
    except TimeoutError:
        detail = f"no answer within {timeout_s:g} s"
    return Check(
        status="unavailable" if detail else "ok",
        detail=detail,
        seconds=round(perf_counter() - began, 4),
    )
