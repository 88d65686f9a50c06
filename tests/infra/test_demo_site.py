"""The simulated site: the same for a seed, and as mixed as it promises."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.demo.site import CAMERAS, DECK, Site
from infra.demo.video import SCENES
from schemas.camera_events import CameraConnectionChanged, MotionDetected, Sighting, SmartDetection
from schemas.codec import encode
from streams.publishing import UPSTREAM, address

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
VIDEOS = {name: Path(f"/v/{name}") for scene in SCENES for name in (scene, f"{scene}-snapshot")}


def site(*, run: str = "r1", seed: int = 1) -> Site:
    return Site(run, seed, VIDEOS)


def test_the_same_seed_gives_the_same_events() -> None:
    one, two = site(), site()

    assert [one.happening(n, NOW) for n in range(40)] == [two.happening(n, NOW) for n in range(40)]
    assert [one.inference(n, NOW) for n in range(40)] == [two.inference(n, NOW) for n in range(40)]


def test_another_seed_gives_another_order() -> None:
    one, two = site(seed=1), site(seed=2)

    assert [one.happening(n, NOW) for n in range(40)] != [two.happening(n, NOW) for n in range(40)]


def test_runs_share_no_id() -> None:
    ids = [
        address(event).id
        for run in ("r1", "r2")
        for n in range(100)
        for event in (
            site(run=run).happening(n, NOW).event,
            site(run=run).inference(n, NOW)[0],
        )
    ]

    assert len(set(ids)) == 400


def test_twelve_events_hold_the_promised_mix() -> None:
    happenings = [site().happening(n, NOW) for n in range(12, 12 + len(DECK))]
    events = [happening.event for happening in happenings]
    sightings = [event for event in events if isinstance(event, Sighting)]
    gone = [s for s in sightings if "overwritten" in (s.clip_url or "")]

    assert {event.camera_id for event in events} == {camera.native for camera in CAMERAS}
    assert sum(isinstance(event, CameraConnectionChanged) for event in events) == 1
    assert sum(isinstance(event, MotionDetected) for event in events) == 2
    assert sum(isinstance(event, SmartDetection) for event in events) == 9
    assert [
        (s.camera_id, s.snapshot_url is None) for s in sorted(gone, key=lambda s: s.camera_id)
    ] == [
        ("drive", True),
        ("gate", False),
    ]
    assert sum(happening.times == 2 for happening in happenings) == 2


def test_one_camera_is_unknown_to_the_registry_and_one_describes_persons_only() -> None:
    words = {word.camera_id: word for word in site().registry(NOW)}

    assert set(words) == {camera.native for camera in CAMERAS} - {"garage"}
    assert words["street"].policy.labels == ("person",)
    assert len(words) >= 4


def test_every_word_survives_the_wire() -> None:
    words = [
        *site().registry(NOW),
        *[site().happening(n, NOW + timedelta(seconds=n)).event for n in range(24)],
        *[site().inference(n, NOW + timedelta(seconds=n))[0] for n in range(200)],
    ]

    assert [UPSTREAM.decode(encode(word)) for word in words] == words


def test_a_few_results_are_published_twice() -> None:
    assert sum(site().inference(n, NOW)[1] == 2 for n in range(1000)) == 5
