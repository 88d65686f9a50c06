"""Routes that publish: one event in, 202 out once the broker has acknowledged it.

The body is checked by the codec that the workers use, and by what it becomes when they write it,
then published byte for byte: what was accepted here is never a dead letter there.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from msgspec import to_builtins

from connectors.http.errors import Refused, documented
from connectors.http.models import Accepted
from connectors.http.story import traceparent
from schemas.camera_events import CameraEvent
from schemas.codec import EVENT_BYTES_MAX
from schemas.event import tag
from schemas.examples.upstream import MODEL_RESULT, MOVEMENT_SEEN, PERSON_SEEN, WENT_OFFLINE
from schemas.inferences import InferenceResult
from streams.lanes import Encoded
from streams.publishing import accepted, address, record
from streams.queries import Acknowledged, Publisher, Unavailable
from streams.topics import CAMERA_EVENTS, INFERENCE_RESULTS

BODY_TIMEOUT_S: Final = 30.0
BODY_TYPE: Final = "application/json"
_ERRORS: Final = documented(408, 413, 415, 422, 503)


@dataclass(frozen=True)
class Desk:
    """Hands events to Kafka and waits for the acknowledgement, for `timeout_s` at most."""

    publisher: Publisher
    timeout_s: float

    async def publish(
        self, request: Request, body: bytes, word: CameraEvent | InferenceResult
    ) -> Accepted:
        """Publishes `body`, of which `word` was decoded. Raises Unavailable."""
        wanted = record(
            word,
            value=body,
            correlation_id=request.state.correlation_id,
            traceparent=traceparent(request.headers),
        )
        place = await self.send(wanted)
        return Accepted(
            id=address(word).id,
            topic=wanted.topic,
            partition=place.partition,
            offset=place.offset,
        )

    async def send(self, record_: Encoded) -> Acknowledged:
        """Returns when the broker has it. Raises Unavailable."""
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self.publisher.publish(record_)
        except TimeoutError as error:
            text = f"no acknowledgement within {self.timeout_s:g} s; sending it again is safe"
            raise Unavailable("kafka", text) from error


def routes(desk: Desk) -> APIRouter:
    """Routes that publish what happened."""
    router = APIRouter(prefix="/api/v1", tags=["publishing"])

    @router.post(
        "/camera-events",
        status_code=202,
        summary="Publish one camera event",
        responses=_ERRORS,
        openapi_extra=_body(PERSON_SEEN, MOVEMENT_SEEN, WENT_OFFLINE),
    )
    async def camera_events(request: Request, response: Response) -> Accepted:
        """Sending an event again, even much later, changes nothing and has the same id."""
        body = await read_body(request)
        event = accepted(CAMERA_EVENTS.codec, body)
        published = await desk.publish(request, body, event)
        response.headers["location"] = f"/api/v1/events/{published.id}"
        return published

    @router.post(
        "/inference-results",
        status_code=202,
        summary="Publish one inference result",
        responses=_ERRORS,
        openapi_extra=_body(MODEL_RESULT),
    )
    async def inference_results(request: Request, response: Response) -> Accepted:
        """Sending a result again, even much later, changes nothing and has the same id."""
        body = await read_body(request)
        result = accepted(INFERENCE_RESULTS.codec, body)
        published = await desk.publish(request, body, result)
        response.headers["location"] = f"/api/v1/events/{published.id}"
        return published

    return router


async def read_body(request: Request) -> bytes:
    """The body, never holding more than an event may have. Raises Refused."""
    _check_type(request)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > EVENT_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > EVENT_BYTES_MAX:
                    raise _too_large()
    except TimeoutError as error:
        raise Refused(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from error
    return bytes(body)


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != BODY_TYPE:
        raise Refused(415, f"send the event as {BODY_TYPE}, not as {given[:100] or 'nothing'}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "send the event as it is, not compressed")


def _too_large() -> Refused:
    return Refused(413, f"at most {EVENT_BYTES_MAX} bytes are taken: references, not media")


def _body(*examples: CameraEvent | InferenceResult) -> dict[str, object]:
    words = [{"$ref": f"#/components/schemas/{type(word).__name__}"} for word in examples]
    shown = {tag(type(word)): {"value": to_builtins(word)} for word in examples}
    content = {"schema": words[0] if len(words) == 1 else {"anyOf": words}, "examples": shown}
    return {"requestBody": {"required": True, "content": {BODY_TYPE: content}}}
