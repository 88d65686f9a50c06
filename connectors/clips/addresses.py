"""Which addresses clips may be fetched from: the public internet's, and those the settings allow.

An event comes from outside and names a URL; without this door, whoever may publish an event could
read the metadata service of a cloud, or a service that listens on loopback only. The address is
checked where the connection is made: that a name resolves differently a moment later is no matter.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import httpcore

from streams.ports import ClipError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]

_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")
_V4_BITS: Final = (1 << 32) - 1


async def resolved(host: str, port: int) -> tuple[str, ...]:
    """The host's addresses as the operating system has them, to which `2130706433` is 127.0.0.1."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, NAT64, 6to4), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and (address in _NAT64 or address in _COMPATIBLE):
        carried = IPv4Address(int(address) & _V4_BITS)
    return carried or address


def is_public(address: Address) -> bool:
    """Whether everybody on the internet could have been asked the same."""
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _NAT64_LOCAL):
        return False
    real = inner(address)
    return real.is_global and not (real.is_multicast or real.is_reserved or real.is_unspecified)


@dataclass(frozen=True)
class Allowed:
    """Private hosts and networks that the settings name; anything public is allowed anyway."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> "Allowed":
        """Of entries such as `127.0.0.1/32`, `fd00::/8`, `10.0.0.7` or `nvr.local`."""
        hosts: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for name in names:
            try:
                networks.append(ip_network(name, strict=False))
            except ValueError:
                hosts.add(name.casefold().rstrip("."))
        return cls(frozenset(hosts), tuple(networks))

    def check(self, host: str, address: Address) -> None:
        """Raises ClipError when the address may not be asked."""
        named = host.casefold().rstrip(".") in self.hosts
        carried = inner(address)
        if named or is_public(address):
            return
        if any(address in network or carried in network for network in self.networks):
            return
        where = host if host == str(address) else f"{host} ({address})"
        text = f"{where} is not a public address; VIDETTE_CLIP_PRIVATE_HOSTS can allow it"
        raise ClipError("forbidden", text)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked; TLS still asks for the host by its name."""

    def __init__(self, allowed: Allowed, resolve: Resolve = resolved) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers, if all of the host's are allowed."""
        addresses = await self._addresses(host, port)
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Waits; httpcore does so between its own retries, which are off."""
        await self._backend.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = [ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError) as error:
            text = f"{host} can't be resolved: {error}"
            raise httpcore.ConnectError(text) from error
        for address in addresses:
            self._allowed.check(host, address)
        return addresses
