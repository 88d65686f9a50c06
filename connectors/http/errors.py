"""Every way of saying no, in one JSON shape: `{"error": {"reason", "field", "detail"}}`.

Refused             the request can't be taken as it is
├── 403 forbidden           from another site, or under a name that isn't this machine's
├── 404 not_found           no such event, frame or path
├── 405 method_not_allowed
├── 408 timed_out           the body did not come
├── 413 too_large
├── 415 unsupported         not JSON, or compressed
└── 422 (the codec's reason, or `invalid` with the parameter's name as field)
Unavailable         503, Kafka or the database is away: ask again later
StoreAway           503, the media store is: likewise
anything else       500 internal, logged with its traceback
"""

from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from schemas.codec import EVENT_BYTES_MAX, Undecodable
from streams.ports import StoreAway
from streams.queries import Unavailable

RETRY_AFTER_S: Final = 2

EXAMPLES: Final = {
    403: ("forbidden", "", "the API answers to loopback names only; the host was 'evil.example'"),
    404: ("not_found", "", "no event has the id 019ceb4a-ab62-841f-862c-da34b02d200a"),
    405: ("method_not_allowed", "", "this path does not take DELETE"),
    408: ("timed_out", "", "the body did not arrive within 30 s"),
    413: ("too_large", "", f"at most {EVENT_BYTES_MAX} bytes are taken: references, not media"),
    415: ("unsupported", "", "send the event as application/json, not compressed"),
    422: ("invalid", "labels", "Expected `array`, got `str` - at `$.labels`"),
    500: ("internal", "", "something went wrong here; the log has it under the correlation id"),
    503: ("unavailable", "", "kafka: the brokers don't answer"),
}
REASONS: Final = {status: reason for status, (reason, _, _) in EXAMPLES.items()}
EVERYWHERE: Final = (403, 405, 500)


class Error(BaseModel):
    """What is wrong; `field` is a path into the event, or a parameter's name, where it is known."""

    reason: str
    field: str = ""
    detail: str


class ErrorBody(BaseModel):
    """The body of every answer that isn't a success."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"error": {"reason": "…", "field": "…", "detail": "…"}}]}
    )

    error: Error


class Refused(Exception):  # noqa: N818  # an answer, not a fault of the program
    """The request can't be taken as it is."""

    def __init__(self, status: int, detail: str, *, field: str = "", reason: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.error = Error(reason=reason or REASONS[status], field=field, detail=detail)


def answer(status: int, error: Error) -> JSONResponse:
    """An error as every route gives it."""
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else None  # noqa: PLR2004  # HTTP says what it is
    return JSONResponse(ErrorBody(error=error).model_dump(), status, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For a route's OpenAPI: these errors, and those that every route may give, with examples."""
    return {status: _documented(status) for status in sorted({*statuses, *EVERYWHERE})}


def _documented(status: int) -> dict[str, object]:
    reason, field, detail = EXAMPLES[status]
    example = ErrorBody(error=Error(reason=reason, field=field, detail=detail)).model_dump()
    return {
        "model": ErrorBody,
        "description": reason,
        "content": {"application/json": {"example": example}},
    }


def install(app: FastAPI) -> None:
    """Gives every exception that a route may raise its answer."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Undecodable, _undecodable)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(StoreAway, _store_away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_the_framework)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    refused = cast("Refused", error)  # Starlette chose this handler by the class
    return answer(refused.status, refused.error)


async def _undecodable(_: Request, error: Exception) -> JSONResponse:
    wrong = cast("Undecodable", error)
    status = 413 if wrong.reason == "too_large" else 422
    return answer(status, Error(reason=wrong.reason, field=wrong.field, detail=wrong.detail))


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return answer(503, Error(reason="unavailable", detail=str(error)))


async def _store_away(_: Request, error: Exception) -> JSONResponse:
    del error  # it names folders of the server
    return answer(503, Error(reason="unavailable", detail="media: the store can't be read now"))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    first = cast("RequestValidationError", error).errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return answer(422, Error(reason="invalid", field=field, detail=str(first["msg"])))


async def _of_the_framework(request: Request, error: Exception) -> JSONResponse:
    said = cast("HTTPException", error)
    detail = {
        404: f"there is nothing at {request.url.path[:200]}",
        405: f"this path does not take {request.method[:20]}",
    }.get(said.status_code, str(said.detail))
    reason = REASONS.get(said.status_code, "refused")
    response = answer(said.status_code, Error(reason=reason, detail=detail))
    response.headers.update(said.headers or {})
    return response
