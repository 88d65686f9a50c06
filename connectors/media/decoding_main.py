"""The decoding process: forks once per file, so that no clip can harm the next.

The process itself never touches media. It reads jobs from standard input, forks, and the fork
decodes under the limits of the job, without network and without rights to gain; whatever becomes
of it, one message answers. The imports are paid once, a fork costs milliseconds.
"""

import ctypes
import gc
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from connectors.media.decoding import decode
from connectors.media.decoding_words import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    LENGTHS,
    Bounds,
    Job,
    Unseen,
    message,
)

_MESSAGE_BYTES_MAX: Final = LENGTHS.size + HEADER_BYTES_MAX + BODY_BYTES_MAX
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_FILES_MAX: Final = 24
_CHUNK: Final = 1 << 20


def main() -> None:
    """Answers jobs until standard input ends."""
    _isolate()
    gc.freeze()  # the forks share these pages
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    while (job := _next(jobs)) is not None:
        answers.write(_answer(job))
        answers.flush()


def _isolate() -> None:
    """Leaves the network behind where the kernel lets us (a container may not), and dies with us.

    Root stays in its user namespace: in another it could not read the files of others.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.unshare(_CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _next(jobs: BinaryIO) -> Job | None:
    lengths = jobs.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header, _ = LENGTHS.unpack(lengths)
    return msgspec.json.decode(jobs.read(header), type=Job)


def _answer(job: Job) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _decode_and_exit(job, writing)
    os.close(writing)
    try:
        answer = _read(reading)
    finally:
        os.close(reading)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0 and len(answer) <= _MESSAGE_BYTES_MAX:
        return answer
    return message(Unseen(reason="decoder_failed", detail=_died(status, job.bounds)))


def _read(handle: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while size <= _MESSAGE_BYTES_MAX and (chunk := os.read(handle, _CHUNK)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _died(status: int, bounds: Bounds) -> str:
    limits = {
        -signal.SIGALRM: f"decoding took longer than {bounds.wall_s:g} s",
        -signal.SIGXCPU: f"decoding used more than {bounds.cpu_s} s of processor time",
        _NO_MEMORY: f"decoding needed more than {bounds.memory_bytes >> 20} MB of memory",
        0: "the decoder's answer was too long",
    }
    if status < 0:
        return limits.get(status, f"the decoder died of {signal.Signals(-status).name}")
    return limits.get(status, f"the decoder ended with status {status}")


_NO_MEMORY: Final = 3


def _decode_and_exit(job: Job, writing: int) -> None:
    """Runs in the fork; never returns, and runs none of the parent's exit handlers."""
    status = 1
    try:
        _limit(job.bounds)
        with Path(job.path).open("rb") as file:
            seen, jpegs = decode(file, job.frames_max, job.bounds)
        with os.fdopen(writing, "wb") as answer:
            answer.write(message(seen, b"".join(jpegs)))
        status = 0
    except MemoryError:
        status = _NO_MEMORY
    finally:
        os._exit(status)


def _limit(bounds: Bounds) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.setitimer(signal.ITIMER_REAL, bounds.wall_s)
    os.nice(5)
    for kind, most in (
        (resource.RLIMIT_AS, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES_MAX),
    ):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
