r"""The bounded types that words are made of: every field on the wire says how far it may go.

Bounds exist because PostgreSQL, not the decoder, would be the first to notice otherwise: an integer
beyond 2^31, a NUL in a text, a document nested 10,000 deep each fail a batch of innocent rows.

Patterns end in `$(?!\n)`: Python's `$` lets one line break pass, and JSON Schema knows no `\Z`.
"""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

Timestamp = Annotated[datetime, Meta(tz=True)]
"""An instant with a time zone, from 2000 up to 2100 (the years are checked by the word)."""

NativeId = Annotated[str, Meta(min_length=1, max_length=128)]
"""An id as the upstream system writes it."""

Source = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$(?!\n)")]
"""The upstream system that speaks: `protect`, `frigate`, `demo`."""

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Detail = Annotated[str, Meta(max_length=2000)]
Description = Annotated[str, Meta(min_length=1, max_length=4000)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
ModelId = Annotated[str, Meta(min_length=1, max_length=128)]
CorrelationId = Annotated[str, Meta(min_length=1, max_length=200)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
DHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
"""A perceptual hash of a picture: 64 bits, each says whether a cell is brighter than the next."""

Share = Annotated[float, Meta(ge=0, le=1)]
"""A part of a whole, 0 to 1: a confidence, a coordinate, an area of the picture."""

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
FrameId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""PostgreSQL's `integer`."""

Labels = Annotated[tuple[Label, ...], Meta(max_length=32)]
Zones = Annotated[tuple[Name, ...], Meta(max_length=32)]
Box = tuple[Share, Share, Share, Share]
"""x1, y1, x2, y2 as shares of width and height, origin top left."""

Text = Annotated[str, Meta(max_length=8192)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Key = Annotated[str, Meta(max_length=128)]
Scalar = Text | Whole | float | bool | None
Leaf = Scalar | list[Scalar]
Branch = Scalar | list[Scalar | dict[Key, Leaf]] | dict[Key, Leaf]
Metadata = Annotated[dict[Key, Branch], Meta(max_length=64)]
"""Free facts of the upstream system: at most 64 keys, three levels deep."""
