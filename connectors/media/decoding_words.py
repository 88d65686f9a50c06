"""What the decoder and its process say to each other over two pipes.

A message is two lengths (4 bytes each, network order), a header in JSON, and a body of raw JPEGs.
The header is bounded by its types: the process works on foreign media, its word is not trusted.
"""

import struct
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.clips import Motion
from schemas.event import Fact
from schemas.fields import Count, Detail, DHash, Seconds

LENGTHS: Final = struct.Struct("!II")
HEADER_BYTES_MAX: Final = 256 * 1024
BODY_BYTES_MAX: Final = 96 * 1024 * 1024


class Bounds(Fact, frozen=True, kw_only=True):
    """What one decoding may use before the operating system ends it."""

    memory_bytes: int = 1536 * 1024 * 1024
    cpu_s: int = 20
    wall_s: float = 30.0
    budget_s: float = 12.0
    """CPU seconds after which decoding stops by itself and keeps the frames it has."""
    pixels_max: int = 8192 * 8192
    duration_s_max: float = 600.0
    frame_width_max: int = 1920


class Job(Fact, frozen=True, kw_only=True):
    """One file to decode."""

    path: str
    frames_max: int
    bounds: Bounds


class PictureHeader(Fact, frozen=True, kw_only=True):
    """Of one picture; its JPEG bytes are the next `size_bytes` of the body."""

    at_s: Seconds
    width: Annotated[int, Meta(ge=1, le=65_535)]
    height: Annotated[int, Meta(ge=1, le=65_535)]
    size_bytes: Annotated[int, Meta(ge=4, le=BODY_BYTES_MAX)]
    dhash: DHash


class Seen(Fact, frozen=True, kw_only=True, tag_field="type", tag="seen"):
    """The file could be decoded, or enough of it."""

    duration_s: Seconds
    width: Count
    height: Count
    truncated: bool
    pictures: Annotated[tuple[PictureHeader, ...], Meta(min_length=1, max_length=64)]
    motion: Motion


class Unseen(Fact, frozen=True, kw_only=True, tag_field="type", tag="unseen"):
    """It could not."""

    reason: Literal["not_video", "corrupt", "decoder_failed"]
    detail: Detail


def message(header: msgspec.Struct, body: bytes = b"") -> bytes:
    """Header and body as they travel."""
    text = msgspec.json.encode(header)
    return LENGTHS.pack(len(text), len(body)) + text + body
