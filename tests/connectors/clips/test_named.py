"""Whatever an event names: a clip, or a ClipError, and never anything else."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.clips.file import FileClips
from connectors.clips.http import HttpClips
from connectors.clips.limits import ClipLimits
from connectors.clips.named import NamedClips
from streams.ports import ClipError

if TYPE_CHECKING:
    from tests.connectors.clips.conftest import InstantClock, Web

Clips = Callable[..., HttpClips]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
starts = st.sampled_from(["", "/", "file:", "file://", "http:", "http://", "https://", "HTTP://a:"])


async def nowhere(host: str, port: int) -> tuple[str, ...]:
    assert (bool(host), port >= 0) == (True, True)
    return ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start=starts, rest=texts)
@example(start="http://", rest="a:99999/")
@example(start="http://", rest="[::1")
@example(start="http://", rest="a" * 64 + ".org/")
@example(start="http://", rest="xn--a.org/\0")
@example(start="file://", rest="[::1")
async def test_any_text_is_a_clip_error(
    start: str, rest: str, tmp_path: Path, clock: "InstantClock"
) -> None:
    http = HttpClips(ClipLimits(retries_s=()), clock, tmp_path / "scratch", resolve=nowhere)
    file = FileClips((tmp_path / "allowed",), ClipLimits())
    clips = NamedClips({"file": file, "http": http, "https": http})

    with pytest.raises(ClipError):
        async with clips.fetched(start + rest):
            pass


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(location=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
@example(location="http://[")
@example(location="//")
@example(location="http://a:99999/")
async def test_any_redirect_is_a_clip_error(location: str, web: "Web", clips: Clips) -> None:
    web.answers["/clip"] = [f"HTTP/1.1 302 Found\r\nlocation: {location}\r\n\r\n".encode()]

    with pytest.raises(ClipError):
        async with clips(ClipLimits(retries_s=())).fetched(web.url("/clip")):
            pass
