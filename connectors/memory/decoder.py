"""The decoder's twin: says what it was told to say of each file, by the file's content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.ports import ClipError, Decoded


@dataclass(frozen=True)
class MemoryDecoder:
    """`answers` by content; content without an answer is not video, no content is empty."""

    answers: Mapping[bytes, Decoded | ClipError]
    asked: list[bytes] = field(default_factory=list)

    async def decode(self, media: Path, *, frames_max: int) -> Decoded:
        """The scripted answer, its pictures cut to `frames_max`. Raises ClipError."""
        content = media.read_bytes()  # noqa: ASYNC240  # tests hold a few bytes
        self.asked.append(content)
        if not content:
            raise ClipError("empty", "0 bytes")
        answer = self.answers.get(content, ClipError("not_video", "no decoder takes it"))
        if isinstance(answer, ClipError):
            raise ClipError(answer.reason, answer.detail)
        return Decoded(
            sha256=answer.sha256,
            size_bytes=answer.size_bytes,
            duration_s=answer.duration_s,
            width=answer.width,
            height=answer.height,
            truncated=answer.truncated,
            pictures=answer.pictures[:frames_max],
            motion=answer.motion,
        )
