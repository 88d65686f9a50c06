"""The HTTP API, assembled from the ports it needs; it knows neither Kafka nor PostgreSQL."""

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry

from connectors.http import errors, health, publishing, reading
from connectors.http.guard import LOOPBACK, Guard
from connectors.http.providers import samples as provider_samples
from connectors.http.providers import seeing, steering
from connectors.http.providers.site import Site
from connectors.http.samples import ANSWERS
from connectors.http.story import HttpMetrics, Story
from streams.ports import MediaStore
from streams.queries import Probe, Publisher, Reads
from streams.topics import CAMERA_EVENTS, INFERENCE_RESULTS

PROBE_TIMEOUT_S: Final = 4.0
PUBLISH_TIMEOUT_S: Final = 15.0

ABOUT: Final = """\
Reads what became of camera events and inference results, and takes new ones; shows providers and
steers them. There are no keys yet, so it answers this machine only. Every answer carries
`X-Correlation-ID`, yours if you send one; it goes into the log and along with what you publish.
Every error has the shape `{"error": {"reason", "field", "detail"}}`.
"""


class Api(FastAPI):
    """FastAPI, whose OpenAPI also holds the words that bodies are made of, and whole examples."""

    def openapi(self) -> dict[str, object]:
        """The document; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            words = [*CAMERA_EVENTS.words, *INFERENCE_RESULTS.words]
            template = "#/components/schemas/{name}"
            _, parts = msgspec.json.schema_components(words, ref_template=template)
            document["components"]["schemas"].update(parts)
            for (path, method, status), sample in (ANSWERS | provider_samples.ANSWERS).items():
                # Set here, because FastAPI leaves nulls out of the examples that it is given.
                answer = document["paths"][path][method]["responses"][status]
                answer["content"]["application/json"]["example"] = sample.model_dump(
                    mode="json", by_alias=True
                )
            return document
        return self.openapi_schema


def create_app(
    *,
    reads: Reads,
    media: MediaStore,
    publisher: Publisher,
    site: Site,
    probes: Mapping[str, Probe] | None = None,
    registry: CollectorRegistry,
    hosts: frozenset[str] = LOOPBACK,
    probe_timeout_s: float = PROBE_TIMEOUT_S,
    publish_timeout_s: float = PUBLISH_TIMEOUT_S,
) -> FastAPI:
    """The application; `probes` are what `/health` asks, by default Kafka and the database."""
    app = Api(
        title="Vidette",
        version="0.1.0",
        summary="Camera events and AI inference, explained.",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
    )
    errors.install(app)
    asked = probes or {"kafka": publisher.reachable, "database": reads.reachable}
    app.include_router(health.routes(asked, registry, timeout_s=probe_timeout_s))
    app.include_router(reading.routes(reads))
    app.include_router(reading.pictures(media))
    desk = publishing.Desk(publisher, publish_timeout_s)
    app.include_router(publishing.routes(desk))
    app.include_router(seeing.routes(reads, site))
    app.include_router(steering.routes(desk, site))
    app.add_api_route("/", _index, include_in_schema=False)
    app.add_middleware(Guard, hosts=hosts)
    app.add_middleware(Story, metrics=HttpMetrics(registry))  # the last one added is the outermost
    return app


async def _index() -> JSONResponse:
    """Where to go from here."""
    paths = (
        "/health",
        "/metrics",
        "/openapi.json",
        "/api/v1/cameras",
        "/api/v1/events",
        "/api/v1/system/ai-providers",
        "/api/v1/system/ai-stats",
    )
    return JSONResponse({"name": "vidette", "see": paths})
