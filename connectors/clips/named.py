"""Clips by the URL that an event names: its scheme decides who fetches them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.ports import ClipError, Clips


@dataclass(frozen=True)
class NamedClips:
    """`sources` by scheme, lower case; an absolute path has the scheme `file`."""

    sources: Mapping[str, Clips]

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[Path]:
        """A local file that exists as long as the context does. Raises ClipError on entry."""
        async with self._source(url).fetched(url) as path:
            yield path

    def _source(self, url: str) -> Clips:
        scheme, colon, _ = url.partition(":")
        name = "file" if url.startswith("/") else scheme.lower() if colon else ""
        source = self.sources.get(name)
        if source is None:
            known = ", ".join(sorted(self.sources))
            what = f"the scheme {name[:40]!r}" if name else "a relative path"
            raise ClipError(
                "forbidden", f"clips come by {known} or an absolute path, not by {what}"
            )
        return source
