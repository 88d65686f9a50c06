"""Clips that can't be had: the event is undescribed and says why; nobody beside it is harmed."""

import pytest

from schemas.clips import ClipUnavailable
from streams import identity
from streams.topics import CLIPS
from tests.system.bad_clips import NAMES
from tests.system.conftest import Published, Settled
from tests.system.site import Site
from tests.system.upstream import sighting

EACH = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def unavailable(site: Site, settled: Settled) -> dict[str, ClipUnavailable]:
    """By the event's own id."""
    assert settled.rows
    words = [CLIPS.codec.decode(record.value) for record in site.taken(CLIPS.name)]
    return {w.enriched.event.event_id: w for w in words if isinstance(w, ClipUnavailable)}


@EACH
def test_a_clip_that_cannot_be_had_is_unavailable_for_a_reason(
    name: str, unavailable: dict[str, ClipUnavailable]
) -> None:
    assert (unavailable[name].reason, unavailable[name].attempts) == NAMES[name]


@EACH
def test_its_event_is_undescribed_for_the_same_reason(
    name: str, published: Published, settled: Settled
) -> None:
    clip = published.clips[name]

    (row,) = settled.rows[identity.event_id(sighting(clip.camera, clip.name, clip.url))]
    assert (row.outcome, row.reason, row.clip_failure) == (
        "undescribed",
        "no_frames",
        NAMES[name][0],
    )


@EACH
def test_its_neighbours_are_described(name: str, published: Published, settled: Settled) -> None:
    for neighbour in published.neighbours[name]:
        (row,) = settled.rows[identity.event_id(neighbour)]
        assert (row.outcome, row.provider) == ("described", "motion")
