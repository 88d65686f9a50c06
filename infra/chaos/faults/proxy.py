"""A TCP proxy that spoils connections: late, held up, deaf, cut into slices, reset, refused.

It runs an event loop in a thread of its own; the rest of a run only swaps one frozen value, so that
a fault begins and ends between two chunks of data.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

CHUNK_BYTES: Final = 64 * 1024
HELD_LOOK_S: Final = 0.05
END_LOOK_S: Final = 0.1
HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the line; nothing, by default."""

    delay_s: float = 0.0
    """Of each chunk, in each direction."""
    slice_bytes: int = CHUNK_BYTES
    """No chunk is larger."""
    held: bool = False
    """Nothing gets through, either way; it comes when the line is well again."""
    deaf: bool = False
    """Questions arrive, answers do not; they come when the line is well again."""
    reset_after_bytes: int | None = None
    """Each connection is reset when so many more bytes have passed."""
    refused: bool = False
    """Connections are reset as soon as they are made."""


WELL: Final = Trouble()


@dataclass
class Proxy:
    """One listening port in front of one server."""

    port: int
    target_port: int
    trouble: Trouble = WELL
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Returns when it listens. Raises OSError when the port is taken."""
        self._listener = socket.create_server((HOST, self.port))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name=f"proxy-{self.port}", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    def reset_all(self) -> None:
        """Resets every connection there is."""
        self._loop.call_soon_threadsafe(self._reset_all)

    def stop(self) -> None:
        """Cuts everything; returns when the thread has ended."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=CHUNK_BYTES)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        self.trouble = Trouble(refused=True)
        while self._tasks:
            self._reset_all()
            await asyncio.wait(self._tasks, timeout=END_LOOK_S)

    def _reset_all(self) -> None:
        for writer in self._writers:
            _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101  # this runs in one
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.trouble.refused:
            _reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(
                HOST, self.target_port, limit=CHUNK_BYTES
            )
        except OSError:
            _reset(writer)
            return
        line = Line(self, (writer, server_writer))
        self._writers |= {writer, server_writer}
        pumps = [
            asyncio.create_task(line.pump(reader, server_writer, answers=False)),
            asyncio.create_task(line.pump(server_reader, writer, answers=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for one in (writer, server_writer):
                self._writers.discard(one)
                one.close()


@dataclass
class Line:
    """One connection through the proxy."""

    proxy: Proxy
    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    passed: int = 0
    """Bytes since the present trouble began, both ways."""
    _of: Trouble = WELL

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        """One direction, until either side is gone."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                while data:
                    data = await self._passed(data, writer, answers=answers)

    async def _passed(self, data: bytes, writer: asyncio.StreamWriter, *, answers: bool) -> bytes:
        """Sends the beginning of it as the trouble of the moment lets it through; the rest."""
        while self.proxy.trouble.held or (  # noqa: ASYNC110  # another thread swaps it, and tells nobody
            self.proxy.trouble.deaf and answers
        ):
            await asyncio.sleep(HELD_LOOK_S)
        trouble = self.proxy.trouble
        if trouble is not self._of:
            self._of, self.passed = trouble, 0
        if trouble.delay_s:
            await asyncio.sleep(trouble.delay_s)
        some, rest = data[: trouble.slice_bytes], data[trouble.slice_bytes :]
        self.passed += len(some)
        limit = trouble.reset_after_bytes
        if limit is not None and self.passed > limit:
            for end in self.ends:
                _reset(end)
            raise ConnectionResetError
        writer.write(some)
        await writer.drain()
        return rest


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends it with RST instead of FIN: SO_LINGER with no time to linger."""
    held = writer.get_extra_info("socket")
    if held is not None:
        with suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


@contextmanager
def proxy(port: int, target_port: int) -> Iterator[Proxy]:
    """Listens as long as the context lasts."""
    made = Proxy(port, target_port)
    made.start()
    try:
        yield made
    finally:
        made.stop()
