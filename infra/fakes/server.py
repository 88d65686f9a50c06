"""A simulated vendor: a small HTTP server that answers as it is told, and counts exactly."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

import msgspec
from aiohttp import web

from infra.fakes.modes import (
    DRIP_EVERY_S,
    RETRY_AFTER_S,
    SLOW_S,
    STATUS,
    Call,
    Counted,
    Ending,
    Mode,
    Rejected,
    Seen,
)
from infra.fakes.speech import Speech, described

PAGE: Final = "<html><body>Simulated: an error page of something in between</body></html>"
REQUEST_BYTES_MAX: Final = 64 * 1024 * 1024
HEADERS: Final = {"x-request-id": "req-simulated", "request-id": "req-simulated"}
_EXCUSE: Final = "I'm sorry, but I can't help with that."


@dataclass
class Fake:
    """One vendor. `mode` is how it answers; `script` comes before that, call by call."""

    speech: Speech
    key: str = field(repr=False)
    mode: Mode = "ok"
    script: deque[Mode] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _runner: web.AppRunner | None = None
    _site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def counted(self) -> Counted:
        """What it would bill."""
        billed = [call.usage for call in self.calls if call.usage]
        return Counted(
            len(self.calls),
            len(billed),
            sum(usage.input_tokens or 0 for usage in billed),
            sum(usage.output_tokens or 0 for usage in billed),
            sum(usage.cached_tokens or 0 for usage in billed),
        )

    async def switch(self, mode: Mode) -> None:
        """From now on it answers like this; a port that was closed opens again."""
        self.mode = mode
        if mode == "refused":
            await self._close()
        elif self._site is None:
            await self._open()

    async def start(self) -> None:
        """Listens, on a free port unless one was given."""
        app = web.Application(client_max_size=REQUEST_BYTES_MAX)
        app.router.add_post(self.speech.route, self._answered)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        await self._open()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Ends all connections."""
        if self._runner:
            await self._runner.cleanup()

    async def _open(self) -> None:
        if self._runner is None:
            raise RuntimeError("it was never started")
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await self._site.start()

    async def _close(self) -> None:
        if self._site:
            await self._site.stop()
            self._site = None

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        mode = self.script.popleft() if self.script else self.mode
        if mode == "fail-once" and self.mode == mode:
            self.mode = "ok"
        if self.speech.key(request.headers) != self.key:
            return self._refused("400-key", "Incorrect API key provided", call="wrong-key")
        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, object])
            seen = self.speech.seen(request.match_info, body)
        except (LookupError, TypeError, ValueError, msgspec.DecodeError) as error:
            return self._refused(
                "400-nested", f"{type(error).__name__}: {error}", call="unreadable"
            )
        if mode in STATUS:
            return self._refused(
                mode, f"simulated: {mode}, asked by {self.key}", call=mode, seen=seen
            )
        if mode in {"dropped", "refused", "502-html", "html"}:
            return self._broken(request, mode, seen)
        return await self._said(request, mode, seen)

    def _refused(
        self, mode: Mode, text: str, *, call: Mode | Rejected, seen: Seen | None = None
    ) -> web.Response:
        self._note(call, seen, text)
        after = {"retry-after": str(RETRY_AFTER_S)} if mode == "429-retry-after" else {}
        body = self.speech.error(mode, STATUS[mode], text)
        return web.json_response(body, status=STATUS[mode], headers=HEADERS | after)

    def _broken(self, request: web.Request, mode: Mode, seen: Seen) -> web.Response:
        self._note(mode, seen)
        if mode in {"dropped", "refused"} and request.transport:
            request.transport.abort()
        return web.Response(
            text=PAGE, content_type="text/html", status=502 if mode == "502-html" else 200
        )

    async def _said(self, request: web.Request, mode: Mode, seen: Seen) -> web.StreamResponse:
        ending = _ending(mode, described(self.speech.vendor, seen))
        usage = self.speech.usage(seen, ending.text)
        shown = None if mode == "missing-usage" else usage
        body = msgspec.json.encode(self.speech.answer(seen, ending, shown))
        place = self._note(mode, seen)
        if mode == "slow":
            await asyncio.sleep(SLOW_S)  # cancelled when who asked is gone
        if mode in {"drip", "cut"}:
            await _dripped(request, mode, body)
        self.calls[place] = replace(self.calls[place], usage=usage)
        return web.Response(body=body, content_type="application/json", headers=HEADERS)

    def _note(self, mode: Mode | Rejected, seen: Seen | None, why: str = "") -> int:
        """Where the call stands from now on; nothing is billed for it yet."""
        frames = tuple(sha256(picture).hexdigest() for picture in seen.pictures) if seen else ()
        self.calls.append(Call(mode, seen.model if seen else None, frames, None, why))
        return len(self.calls) - 1


async def _dripped(request: web.Request, mode: Mode, body: bytes) -> None:
    """A byte now and then: blanks, which JSON may begin with. Ends with the connection."""
    response = web.StreamResponse(headers=HEADERS | {"content-type": "application/json"})
    await response.prepare(request)
    if mode == "cut":
        await response.write(body[: len(body) // 2])
    for _ in range(0 if mode == "cut" else round(SLOW_S / DRIP_EVERY_S)):
        await response.write(b" ")
        await asyncio.sleep(DRIP_EVERY_S)
    if request.transport:
        request.transport.abort()
    raise ConnectionResetError


def _ending(mode: Mode, text: str) -> Ending:
    if mode in {"refusal", "blocked", "truncated", "empty"}:
        shown = {"refusal": _EXCUSE, "truncated": text[: len(text) // 2]}
        return Ending(mode, shown.get(mode, ""))
    said = msgspec.json.decode(text)
    if mode == "apology":
        said["description"] = _EXCUSE
    if mode == "unjudgeable":
        said["judgeable"] = False
    if mode == "wrong-schema":
        said["labels"] = "simulated"
    return Ending("whole", msgspec.json.encode(said).decode())


@asynccontextmanager
async def running(*fakes: Fake) -> AsyncIterator[None]:
    """These listen as long as the context lasts."""
    async with AsyncExitStack() as stack:
        for fake in fakes:
            await fake.start()
            stack.push_async_callback(fake.stop)
        yield
