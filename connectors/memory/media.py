"""The media store's twin: a dictionary."""

from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True)
class MemoryMedia:
    """Content by hash, as long as the process lives."""

    contents: dict[str, bytes] = field(default_factory=dict)

    async def put(self, content: bytes) -> str:
        """Stores the content and returns its hash."""
        digest = sha256(content).hexdigest()
        self.contents[digest] = content
        return digest

    async def get(self, sha256: str) -> bytes | None:
        """The content, or None."""
        return self.contents.get(sha256)
