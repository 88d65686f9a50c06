"""Foreign media are decoded in processes of their own, which may die of them."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Final

import msgspec

from connectors.media.decoding_words import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    LENGTHS,
    Bounds,
    Job,
    Seen,
    Unseen,
    message,
)
from streams.ports import ClipError, Decoded, Picture

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_START: Final = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]);"
    "runpy.run_module('connectors.media.decoding_main', run_name='__main__')"
)
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
"""All that the process knows of ours; one thread each: it forks, and there is one per core."""
_GRACE_S: Final = 10.0
_answers: Final[msgspec.json.Decoder[Seen | Unseen]] = msgspec.json.Decoder(Seen | Unseen)


@dataclass(frozen=True)
class SubprocessDecoder:
    """Decodes at most `cores` files at once, in processes that are kept warm; others wait.

    Raises ClipError, and nothing else, for whatever a file does. `close` ends the processes, and a
    decoding under way then raises DecoderClosedError: that it broke off is not the clip's fault.
    """

    cores: int = 2
    bounds: Bounds = Bounds()  # noqa: RUF009  # frozen
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _idle: "list[_Worker]" = field(default_factory=list, init=False, repr=False)
    _all: "set[_Worker]" = field(default_factory=set, init=False, repr=False)
    _closed: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", asyncio.Semaphore(self.cores))

    async def decode(self, media: Path, *, frames_max: int) -> Decoded:
        """A clip or a still. Raises ClipError: not_video, corrupt, empty, decoder_failed."""
        sha256, size_bytes = await asyncio.to_thread(_digest, media)
        if not size_bytes:
            raise ClipError("empty", "0 bytes")
        path = str(media.absolute())  # noqa: ASYNC240  # asks for the current folder at most
        job = Job(path=path, frames_max=frames_max, bounds=self.bounds)
        async with self._slots:
            try:
                answer, body = await self._ask(job)
            except _BrokenOffError:
                # The process itself touches no media, so something else killed it.
                answer, body = await self._ask_again(job)
        if isinstance(answer, Unseen):
            raise ClipError(answer.reason, answer.detail)
        return Decoded(
            sha256=sha256,
            size_bytes=size_bytes,
            duration_s=answer.duration_s,
            width=answer.width,
            height=answer.height,
            truncated=answer.truncated,
            pictures=_pictures(answer, body, frames_max),
            motion=answer.motion,
        )

    async def close(self) -> None:
        """Ends all processes, at work or not; nothing is decoded afterwards."""
        self._closed.set()
        self._idle.clear()
        await asyncio.gather(*(self._end(worker) for worker in tuple(self._all)))

    async def _ask_again(self, job: Job) -> "tuple[Seen | Unseen, bytes]":
        try:
            return await self._ask(job)
        except _BrokenOffError as error:
            raise ClipError("decoder_failed", "the decoding process was killed, twice") from error

    async def _ask(self, job: Job) -> "tuple[Seen | Unseen, bytes]":
        if self._closed.is_set():
            raise DecoderClosedError
        worker = self._idle.pop() if self._idle else await self._started()
        sound = False
        try:
            async with asyncio.timeout(self.bounds.wall_s + _GRACE_S):
                answer = await worker.ask(job)
            sound = True
        except TimeoutError as error:
            text = f"no answer within {self.bounds.wall_s + _GRACE_S:g} s"
            raise ClipError("decoder_failed", text) from error
        except (OSError, EOFError) as error:
            raise (DecoderClosedError if self._closed.is_set() else _BrokenOffError) from error
        except (msgspec.MsgspecError, _TooLongError) as error:
            raise ClipError("decoder_failed", f"no sound answer: {error}"[:500]) from error
        finally:
            if sound and not self._closed.is_set():
                self._idle.append(worker)
            else:
                await self._end(worker)
        return answer

    async def _started(self) -> "_Worker":
        worker = await _start()
        self._all.add(worker)
        if self._closed.is_set():  # while it was started
            await self._end(worker)
            raise DecoderClosedError
        return worker

    async def _end(self, worker: "_Worker") -> None:
        self._all.discard(worker)
        await worker.end()


class DecoderClosedError(Exception):
    """The decoder was closed; the clip was not judged."""


class _BrokenOffError(Exception):
    """The process ended without an answer."""


class _TooLongError(Exception):
    """The process announced more than it may say."""


@dataclass(frozen=True, eq=False)
class _Worker:
    """One decoding process and its pipes."""

    process: Process

    async def ask(self, job: Job) -> "tuple[Seen | Unseen, bytes]":
        writer, reader = self.process.stdin, self.process.stdout
        if writer is None or reader is None:
            raise EOFError
        writer.write(message(job))
        await writer.drain()
        header, body = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
        if header > HEADER_BYTES_MAX or body > BODY_BYTES_MAX:
            raise _TooLongError
        answer = _answers.decode(await reader.readexactly(header))
        return answer, await reader.readexactly(body)

    async def end(self) -> None:
        """Kills the process and its forks, which share its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process.stdin is not None:
            self.process.stdin.close()
        await self.process.wait()


async def _start() -> _Worker:
    command = (sys.executable, "-I", "-c", _START, str(_ROOT))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    return _Worker(process)


def _digest(media: Path) -> tuple[str, int]:
    """The file's hash and size, taken here: the decoding process may not be believed."""
    try:
        with media.open("rb") as file:
            return file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise ClipError("decoder_failed", f"can't read the file: {error.strerror}") from error


def _pictures(seen: Seen, body: bytes, frames_max: int) -> tuple[Picture, ...]:
    pictures: list[Picture] = []
    start = 0
    for header in seen.pictures[:frames_max]:
        jpeg = body[start : start + header.size_bytes]
        start += header.size_bytes
        if len(jpeg) != header.size_bytes or not jpeg.startswith(b"\xff\xd8\xff"):
            raise ClipError("decoder_failed", "the decoding process gave a picture that is no JPEG")
        pictures.append(Picture(jpeg, header.at_s, header.width, header.height, header.dhash))
    return tuple(pictures)
