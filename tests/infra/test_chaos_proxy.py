"""The chaos proxy: what it does to a line, seen from both ends of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from infra.chaos.faults.proxy import WELL, Proxy, Trouble, proxy

WAIT_S = 10
SHORT_S = 0.3


@dataclass
class Echo:
    """A server that says everything back, and remembers it."""

    port: int
    heard: bytearray = field(default_factory=bytearray)
    hears: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def echoing() -> AsyncIterator[Echo]:
    echo = Echo(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                echo.heard += data
                echo.hears.set()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with server:
        yield echo


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with echoing() as found:
        yield found


@pytest.fixture
def line(echo: Echo) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with proxy(port, echo.port) as found:
        yield found


async def connected(line: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port)


async def said(reader: asyncio.StreamReader, length: int) -> bytes:
    return await asyncio.wait_for(reader.readexactly(length), WAIT_S)


async def test_a_line_that_is_well_carries_everything_both_ways(line: Proxy) -> None:
    reader, writer = await connected(line)
    sent = bytes(range(256)) * 1000
    writer.write(sent)

    assert await said(reader, len(sent)) == sent
    writer.close()


async def test_what_is_held_comes_when_the_line_is_well_again(line: Proxy, echo: Echo) -> None:
    reader, writer = await connected(line)
    line.trouble = Trouble(held=True)
    writer.write(b"question")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(echo.hears.wait(), SHORT_S)
    line.trouble = WELL

    assert await said(reader, 8) == b"question"
    writer.close()


async def test_a_deaf_line_brings_questions_and_no_answers(line: Proxy, echo: Echo) -> None:
    reader, writer = await connected(line)
    line.trouble = Trouble(deaf=True)
    writer.write(b"question")
    await asyncio.wait_for(echo.hears.wait(), WAIT_S)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(8), SHORT_S)
    line.trouble = WELL

    assert echo.heard == b"question"
    writer.close()


async def test_slices_change_nothing_but_their_size(line: Proxy) -> None:
    reader, writer = await connected(line)
    line.trouble = Trouble(slice_bytes=3)
    sent = bytes(range(256))
    writer.write(sent)

    assert await said(reader, len(sent)) == sent
    writer.close()


async def test_a_line_is_reset_after_so_many_bytes(line: Proxy, echo: Echo) -> None:
    reader, writer = await connected(line)
    line.trouble = Trouble(slice_bytes=10, reset_after_bytes=45)
    writer.write(b"x" * 100)
    with pytest.raises(ConnectionError):
        await said(reader, 100)

    assert len(echo.heard) <= 45
    writer.close()


async def test_a_line_that_refuses_ends_who_comes(line: Proxy) -> None:
    line.trouble = Trouble(refused=True)

    assert await is_cut(line)


async def test_all_lines_can_be_reset_at_once(line: Proxy) -> None:
    reader, writer = await connected(line)
    writer.write(b"question")
    await said(reader, 8)
    line.reset_all()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(reader.readexactly(1), WAIT_S)
    writer.close()


async def test_when_the_server_is_away_so_is_the_line(line: Proxy) -> None:
    line.target_port = 1

    assert await is_cut(line)


async def is_cut(line: Proxy) -> bool:
    """Whether a new connection ends before anything is said."""
    try:
        reader, writer = await connected(line)
        writer.write(b"question")
        return await asyncio.wait_for(reader.read(8), WAIT_S) == b""
    except ConnectionError:
        return True
