"""Where a provider may be: frames and keys go there, so the way must be closed, or short."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "localhost.localdomain"})


def checked(url: str, *, local: bool) -> str:
    """The address without a slash at its end.

    `http` is for servers on the site, or on this machine. Raises ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a base URL is http://… or https://…")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a base URL has no user, no password, no query and no fragment")
    inside = _inside(parts.hostname)
    if parts.scheme == "http" and not (inside or (local and inside is None)):
        text = "the way to a server beyond the site must be https: frames and the key go over it"
        raise ValueError(text)
    if local and inside is False:
        raise ValueError("a public address is not on the site: set local to false")
    return url.rstrip("/")


def _inside(host: str) -> bool | None:
    """Whether this is a private address or this machine; None for a name, which may be anything."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return True if host in LOOPBACK else None
