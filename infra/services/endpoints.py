"""Where the services answer: the three facts every command needs, and the one way they fail."""

from dataclasses import asdict, dataclass, field
from typing import Self

import msgspec


class ServicesFailed(Exception):  # noqa: N818 - named after what happened, like an event
    """The embedded services can't start or go on; the text is one sentence with the remedy."""


@dataclass(frozen=True)
class Endpoints:
    """Addresses of Kafka and PostgreSQL; the two URLs hold passwords, so never log them."""

    bootstrap_servers: str
    database_url: str = field(repr=False)
    """The application's role, without rights to change tables."""
    database_admin_url: str = field(repr=False)
    """The superuser, for migrations."""

    def to_json(self) -> str:
        """One line of JSON, the fields in this order."""
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`; raises `msgspec.DecodeError` or `msgspec.ValidationError`."""
        return msgspec.json.decode(text, type=cls)
