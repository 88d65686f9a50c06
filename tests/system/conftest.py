"""One site with one worker for all tests of this folder, but for those that kill theirs.

The bad input is published before the worker starts, so each bad record meets its good neighbours in
one batch. `settled` is what became of it all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from infra.services.endpoints import Endpoints
from schemas.camera_events import SmartDetection
from streams import identity
from streams.dead_letters import DeadLetter
from streams.records import Partition
from tests.embedded import fresh_cluster, migrated
from tests.system.bad_clips import BadClip, bad_clips, lay_out, serving
from tests.system.bad_values import BAD_VALUES
from tests.system.processes import Worker, working
from tests.system.site import Row, Site
from tests.system.upstream import Upstream, sighting


@dataclass(frozen=True)
class Published:
    """What was on the topics before the worker started."""

    upstream: Upstream
    clips: dict[str, BadClip]
    neighbours: dict[str, tuple[SmartDetection, SmartDetection]]
    """Of each case, right before and right after it, of the same camera."""


@dataclass(frozen=True)
class Settled:
    """What became of it."""

    letters: dict[tuple[Partition, int], DeadLetter]
    """By the place of the record that each is about."""
    rows: dict[UUID, list[Row]]
    """By event."""


@pytest.fixture(scope="session")
def site(
    endpoints: Endpoints, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with migrated(endpoints, migrated_template) as database:
        yield Site(fresh_cluster(endpoints), database, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def published(site: Site) -> Iterator[Published]:
    good, outside = lay_out(site.clips)
    upstream = Upstream(site.cluster)
    neighbours: dict[str, tuple[SmartDetection, SmartDetection]] = {}
    with serving(good.read_bytes()) as server:
        clips = {case.name: case for case in bad_clips(server, site.clips, outside)}
        for value in BAD_VALUES:
            before, after = around(value.name, value.camera)
            neighbours[value.name] = before, after
            upstream.event(before)
            upstream.send(value.name, value.topic, value.camera, value.value)
            upstream.event(after)
        for n, clip in enumerate(clips.values()):
            before, after = around(clip.name, clip.camera, (str(good), f"{server}/good")[n % 2])
            neighbours[clip.name] = before, after
            upstream.event(before)
            upstream.event(sighting(clip.camera, clip.name, clip.url))
            upstream.event(after)
        upstream.flush()
        yield Published(upstream, clips, neighbours)


def around(
    name: str, camera: str, clip_url: str | None = None
) -> tuple[SmartDetection, SmartDetection]:
    """Two good events."""
    return (
        sighting(camera, f"{name}-before", clip_url),
        sighting(camera, f"{name}-after", clip_url),
    )


@pytest.fixture(scope="session")
def worker(site: Site, published: Published) -> Iterator[Worker]:
    assert published.upstream.places
    with working(site) as found:
        yield found


@pytest.fixture(scope="session")
def settled(site: Site, published: Published, worker: Worker) -> Settled:
    events = [event for pair in published.neighbours.values() for event in pair]
    events += [sighting(clip.camera, clip.name, clip.url) for clip in published.clips.values()]
    wanted = {identity.event_id(event) for event in events}
    worker.until(lambda: wanted <= {row.event_id for row in site.rows()})
    worker.until(lambda: not any(site.lag().values()))
    rows: dict[UUID, list[Row]] = {}
    for row in site.rows():
        rows.setdefault(row.event_id, []).append(row)
    letters = {(letter.source, letter.source_offset): letter for letter in site.all_letters()}
    return Settled(letters, rows)
