"""Routes that steer providers: each publishes one command, and 202 says that the log has it.

A command is read by the codec of the workers before it is published, so that all of them take it.
"""

import uuid
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from fastapi import APIRouter, Request
from pydantic import ValidationError

from connectors.http.errors import Refused, documented
from connectors.http.providers.models import Listing, Order, Ordered, Why
from connectors.http.providers.site import Site
from connectors.http.publishing import BODY_TYPE, Desk, read_body
from schemas.codec import encode
from schemas.commands import Commands
from streams.control import records
from streams.control.issuing import Issue, first
from streams.topics import COMMANDS

BY: Final = "api"
"""Who asked: there are no keys yet that would say it better."""

ERRORS: Final = documented(408, 413, 415, 422, 503)
B = TypeVar("B", bound=Why)


def routes(desk: Desk, site: Site) -> APIRouter:
    """Routes for operators."""
    router = APIRouter(prefix="/api/v1", tags=["administration"])
    _order(router, desk, site)
    _blacklist(router, desk, site)
    _counting(router, desk, site)
    return router


def _order(router: APIRouter, desk: Desk, site: Site) -> None:
    @router.post(
        "/admin/switch-provider",
        status_code=202,
        summary="Ask this provider first",
        responses=ERRORS,
        openapi_extra=_body(Why, {"reason": "openai is slow today"}),
    )
    async def switch_provider(request: Request, new_provider: str) -> Ordered:
        """The others follow in the order that holds now; `claude` is `anthropic`."""
        name = site.known(new_provider, "new_provider")
        why = await _said(request, Why)
        await site.read()
        return await _ordered(desk, request, _issue(site, why).switch(first(name, site.asked())))

    @router.put(
        "/system/ai-provider-order",
        status_code=202,
        summary="Ask in this order",
        responses=ERRORS,
        openapi_extra=_body(Order, {"order": ["grok", "openai"], "reason": "grok is cheaper"}),
    )
    async def order(request: Request) -> Ordered:
        """Whoever it leaves out is not asked any more, except for cameras with an own order."""
        wanted = await _said(request, Order)
        names = [site.known(name, "order") for name in wanted.order]
        if len(set(names)) != len(names):
            raise Refused(422, "name each provider once", field="order")
        return await _ordered(desk, request, _issue(site, wanted).switch(names))


def _blacklist(router: APIRouter, desk: Desk, site: Site) -> None:
    @router.put(
        "/admin/blacklist/{provider}",
        status_code=202,
        summary="Ask a provider no more, for a time or until it is lifted",
        responses=ERRORS,
        openapi_extra=_body(Listing, {"minutes": 30, "reason": "answers nonsense"}),
    )
    async def blacklist(request: Request, provider: str) -> Ordered:
        """Without `minutes` it lasts until it is lifted."""
        name = site.known(provider, "provider")
        wanted = await _said(request, Listing)
        return await _ordered(desk, request, _issue(site, wanted).blacklist(name, wanted.minutes))

    @router.delete(
        "/admin/blacklist/{provider}",
        status_code=202,
        summary="Ask a provider again",
        responses=ERRORS,
        openapi_extra=_body(Why, {"reason": "the key is new"}),
    )
    async def unblacklist(request: Request, provider: str) -> Ordered:
        """Lifts what put it, a key or a model of it on the blacklist."""
        name = site.known(provider, "provider")
        issue = _issue(site, await _said(request, Why))
        return await _ordered(desk, request, issue.unblacklist(name))


def _counting(router: APIRouter, desk: Desk, site: Site) -> None:
    @router.post(
        "/admin/quota/reset/{provider}",
        status_code=202,
        summary="Count a provider's budgets from now on",
        responses=ERRORS,
        openapi_extra=_body(Why, {"reason": "the vendor gave us more"}),
    )
    async def reset_quota(request: Request, provider: str) -> Ordered:
        """In the hour, the day and the month that go on; what is lent to workers stays lent."""
        name = site.known(provider, "provider")
        issue = _issue(site, await _said(request, Why))
        return await _ordered(desk, request, issue.reset_quota(name))

    @router.post(
        "/admin/clear-cache/{kind}",
        status_code=202,
        summary="Use no answer of before again",
        responses=ERRORS,
        openapi_extra=_body(Why, {"reason": "the prompt was wrong"}),
    )
    async def clear_cache(request: Request, kind: str) -> Ordered:
        """Of one kind of prompt, or of `all`; nothing is deleted."""
        known = site.known_kind(kind)
        issue = _issue(site, await _said(request, Why))
        return await _ordered(desk, request, issue.clear_cache(known))


def _issue(site: Site, why: Why) -> Issue:
    return Issue(site.now(), BY, why.reason, uuid.uuid4().hex)


async def _ordered(desk: Desk, request: Request, command: Commands) -> Ordered:
    told = msgspec.structs.replace(command, correlation_id=request.state.correlation_id)
    checked = COMMANDS.codec.decode(encode(told))
    record = records.command(checked, BY)
    place = await desk.send(record)
    return Ordered(
        id=checked.id, topic=record.topic, partition=place.partition, offset=place.offset
    )


async def _said(request: Request, model: type[B]) -> B:
    """The body; one that is left out says nothing. Raises Refused."""
    is_empty = request.headers.get("content-length", "0") == "0"
    if is_empty and "transfer-encoding" not in request.headers:
        body = b"{}"
    else:
        body = await read_body(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first_error = error.errors()[0]
        field = ".".join(map(str, first_error["loc"]))
        raise Refused(422, first_error["msg"], field=field) from error


def _body(model: type[Why], example: Mapping[str, object]) -> dict[str, object]:
    content = {"schema": model.model_json_schema(), "examples": {"one": {"value": example}}}
    is_required = any(field.is_required() for field in model.model_fields.values())
    return {"requestBody": {"required": is_required, "content": {BODY_TYPE: content}}}
