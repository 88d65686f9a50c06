"""A web server that says what a test tells it to, byte by byte, and a clock that needs no time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
Clips = Callable[..., HttpClips]


@dataclass
class Web:
    """`answers` by path: each request takes the first, the last one stays; `stalls` never end."""

    port: int = 0
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    stalls: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        path = head.split()[1]
        if path in self.stalls:
            writer.write(self.stalls[path])
            return
        answers = self.answers.get(path, [NOT_FOUND])
        writer.write(answers.pop(0) if len(answers) > 1 else answers[0])
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    def close(self) -> None:
        for writer in self._open:
            writer.close()


@dataclass
class InstantClock:
    """Remembers how long it was asked to wait, and doesn't."""

    waits_s: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return sum(self.waits_s)

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    yield web
    server.close()
    web.close()
    await server.wait_closed()


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture
def clips(clock: InstantClock, tmp_path: Path) -> Clips:
    def made(limits: ClipLimits | None = None, *, private: tuple[str, ...] = ()) -> HttpClips:
        return HttpClips(
            limits=limits or ClipLimits(),
            clock=clock,
            scratch=tmp_path / "scratch",
            private_hosts=private or ("127.0.0.1/32",),
        )

    return made
