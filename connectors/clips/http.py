"""Clips over HTTP(S), by httpx: streamed to a file under limits, retried when it can pass.

httpx says                      we say
TimeoutException                timed_out, retried
RemoteProtocolError             unreachable (cut), retried
any other TransportError        unreachable, retried
UnsupportedProtocol             forbidden
TooManyRedirects, DecodingError can't happen: redirects are followed here, bytes are taken raw
"""

import asyncio
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

import httpcore
import httpx

from connectors.clips.addresses import Allowed, CheckedBackend, Resolve, resolved
from connectors.clips.limits import ClipLimits
from schemas.clips import ClipFailure
from streams.ports import ClipError, Clock, StoreAway
from streams.urls import shown

_HEADERS: Final = {"user-agent": "vidette", "accept": "*/*", "accept-encoding": "identity"}
_CHUNK_BYTES: Final = 1 << 20
_PREFIX: Final = "clip-"
_STALE_S: Final = 3600
_PAGES: Final = ("text/html", "application/xhtml+xml")
_STATUS: Final[dict[int, ClipFailure]] = {
    401: "refused",
    403: "refused",
    404: "not_found",
    410: "not_found",
    408: "timed_out",
    504: "timed_out",
    425: "unreachable",
    429: "unreachable",
}
_MAY_PASS: Final = frozenset({408, 425, 429})
MEANING: Final[dict[type[httpx.HTTPError], ClipFailure]] = {
    httpx.TimeoutException: "timed_out",
    httpx.UnsupportedProtocol: "forbidden",
    httpx.TransportError: "unreachable",
    httpx.TooManyRedirects: "refused",
    httpx.DecodingError: "not_video",
    httpx.HTTPStatusError: "refused",
}
"""The first class that fits decides."""


class PassingError(ClipError):
    """It may be otherwise in a few seconds."""


class _Transport(httpx.AsyncHTTPTransport):
    """Connects only where `backend` lets it."""

    def __init__(self, tls: ssl.SSLContext, backend: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=backend)


@dataclass(frozen=True)
class HttpClips:
    """Downloads into `scratch`, which is made when first needed and swept of what a crash left.

    Private addresses are refused unless `private_hosts` names them, also after a redirect.
    """

    limits: ClipLimits
    clock: Clock
    scratch: Path
    private_hosts: tuple[str, ...] = ()
    resolve: Resolve = resolved

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Path]:
        """A downloaded file, removed afterwards. Raises ClipError, which counts the attempts.

        Raises StoreAway when the scratch folder takes nothing: that is not the clip's fault.
        """
        with ExitStack() as stack:
            try:
                file, path = stack.enter_context(_scratch_file(self.scratch))
                await self._fetch(url, file)
                file.flush()
            except OSError as error:
                text = f"{self.scratch}: {error.strerror or error}"
                raise StoreAway(text) from error
            yield path

    async def _fetch(self, url: str, file: IO[bytes]) -> None:
        attempt = 0
        try:
            async with asyncio.timeout(self.limits.deadline_s):
                for wait_s in (*self.limits.retries_s, None):
                    attempt += 1
                    try:
                        return await self._attempt(url, file)
                    except ClipError as error:
                        if wait_s is None or not isinstance(error, PassingError):
                            raise ClipError(error.reason, error.detail, attempts=attempt) from error
                        await self.clock.sleep(wait_s)
        except TimeoutError as error:
            text = f"{shown(url)}: no clip within {self.limits.deadline_s:g} s"
            raise ClipError("timed_out", text, attempts=attempt) from error

    async def _attempt(self, url: str, file: IO[bytes]) -> None:
        try:
            async with asyncio.timeout(self.limits.timeout_s), self._client() as client:
                await self._follow(client, url, file)
        except TimeoutError as error:
            text = f"{shown(url)}: not finished within {self.limits.timeout_s:g} s"
            raise PassingError("timed_out", text) from error
        except (httpx.InvalidURL, UnicodeError) as error:  # idna's errors are UnicodeErrors
            raise ClipError("forbidden", f"{shown(url)} is no URL: {error}") from error
        except httpx.HTTPError as error:
            raise _translated(url, error) from error

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=_Transport(self._tls, self._backend),
            timeout=self.limits.stall_s,
            headers=_HEADERS,
            trust_env=False,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(trust_env=False)

    @cached_property
    def _backend(self) -> CheckedBackend:
        return CheckedBackend(Allowed.of(self.private_hosts), self.resolve)

    async def _follow(self, client: httpx.AsyncClient, url: str, file: IO[bytes]) -> None:
        """Redirects are followed by hand: each is a new URL to check, without our credentials."""
        for _ in range(self.limits.redirects_max + 1):
            if httpx.URL(url).scheme not in {"http", "https"}:
                raise ClipError("forbidden", f"redirected to {shown(url)}, which is not http(s)")
            async with client.stream("GET", url) as response:
                if not response.has_redirect_location:
                    return await self._receive(response, file)
                url = str(response.url.join(response.headers["location"]))
        text = f"{shown(url)}: more than {self.limits.redirects_max} redirects"
        raise ClipError("refused", text)

    async def _receive(self, response: httpx.Response, file: IO[bytes]) -> None:
        _check_status(response)
        _check_head(response, self.limits.bytes_max)
        file.seek(0)
        file.truncate()
        try:
            async for chunk in response.aiter_raw(_CHUNK_BYTES):
                self._check_size(response.num_bytes_downloaded)
                await asyncio.to_thread(file.write, chunk)
        except httpx.RemoteProtocolError as error:
            expected = response.headers.get("content-length", "an unknown number of")
            text = f"cut after {response.num_bytes_downloaded} of {expected} bytes"
            raise PassingError("unreachable", f"{shown(str(response.url))}: {text}") from error
        if not response.num_bytes_downloaded:
            raise ClipError("empty", f"{shown(str(response.url))}: 0 bytes")

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.limits.bytes_max:
            text = f"more than {self.limits.bytes_max} bytes, which is the most that is taken"
            raise ClipError("too_large", text)


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    text = f"{shown(str(response.url))}: status {status}"
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _MAY_PASS:
        raise PassingError(_STATUS.get(status, "unreachable"), text)
    raise ClipError(_STATUS.get(status, "refused"), text)


def _check_head(response: httpx.Response, bytes_max: int) -> None:
    """What the headers give away need not be downloaded."""
    where, kind = shown(str(response.url)), response.headers.get("content-type", "").lower()
    if kind.partition(";")[0].strip() in _PAGES:
        raise ClipError("not_video", f"{where}: a web page ({kind}), often one that asks to log in")
    coding = response.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise ClipError(
            "not_video", f"{where}: compressed ({coding}) though we asked for plain bytes"
        )
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > bytes_max:
        raise ClipError("too_large", f"{where}: {length} bytes; at most {bytes_max} are taken")


def _translated(url: str, error: httpx.HTTPError) -> ClipError:
    reason = next(reason for kind, reason in MEANING.items() if isinstance(error, kind))
    text = f"{shown(url)}: {type(error).__name__} {error}".rstrip()
    passing = reason in {"timed_out", "unreachable"}
    return PassingError(reason, text) if passing else ClipError(reason, text)


@contextmanager
def _scratch_file(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{_PREFIX}*"):
        _sweep(old)
    with tempfile.NamedTemporaryFile(prefix=_PREFIX, dir=folder) as file:
        yield file, Path(file.name)


def _sweep(old: Path) -> None:
    """A file that nobody has written for an hour belonged to a process that was killed."""
    try:
        if time.time() - old.stat().st_mtime > _STALE_S:
            old.unlink()
    except FileNotFoundError:
        return
