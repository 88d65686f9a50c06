"""The provider that says what pixels show, and nothing else."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.providers.motion import MotionProvider
from schemas.attempts import Answer
from schemas.camera_events import CameraEvent, MotionDetected, SmartDetection
from schemas.cameras import Camera, Zone
from schemas.clips import CameraEventEnriched, Frame, Motion, Point, Track
from streams.providers.ports import Prompt, ProviderError, Question

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
GATE = Zone(name="gate", polygon=((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.4, 0.7)))
PERSON = SmartDetection(
    event_id="1", source="demo", camera_id="yard", timestamp=NOON, labels=("person",)
)


def track(*points: tuple[float, float], area: float = 0.02, start_s: float = 1.0) -> Track:
    return Track(
        path=tuple(Point(at_s=start_s + i, x=x, y=y) for i, (x, y) in enumerate(points)),
        area_mean=area,
        area_max=area,
        box=(0.1, 0.1, 0.2, 0.2),
    )


def motion(*tracks: Track, still: bool = False, dropped: int = 0, noise: float = 0.001) -> Motion:
    return Motion(
        still=still,
        measured_s=0.0 if still else 8.0,
        frames_measured=1 if still else 64,
        brightness=0.5,
        noise=noise,
        tracks=tracks,
        tracks_dropped=dropped,
    )


def question(
    shown: Motion | None, event: CameraEvent = PERSON, zones: tuple[Zone, ...] = (GATE,)
) -> Question:
    camera = Camera(id=UUID(int=1), source="demo", source_id="yard", name="Yard", zones=zones)
    enriched = CameraEventEnriched(
        id=UUID(int=2),
        camera_id=camera.id,
        timestamp=event.timestamp,
        correlation_id="c",
        event=event,
        camera=camera,
    )
    frame = Frame(sha256="0" * 64, at_s=0.0, width=640, height=360, size_bytes=9)
    return Question(enriched, (frame,), shown, 8.0, Prompt("none-1", "0" * 64, "", ""))


async def answered(shown: Motion, event: CameraEvent = PERSON) -> Answer:
    return (await MotionProvider().ask(question(shown, event))).answer


ACROSS = track((0.1, 0.5), (0.5, 0.5), (0.9, 0.5))


async def test_one_track_is_one_sentence_next_to_the_report() -> None:
    assert (await answered(motion(ACROSS))).description == (
        "One medium region moved from left to right through gate from 1.0 s to 3.0 s; "
        "the picture was well lit. The camera reported person."
    )


async def test_nothing_moved_is_an_answer() -> None:
    assert (await answered(motion(noise=0.02))).description == (
        "No movement was measured in 8.0 s of well lit and noisy pictures. "
        "The camera reported person."
    )


async def test_a_still_claims_no_movement() -> None:
    assert (await answered(motion(still=True))).description == (
        "One still picture of 640x360 pixels, well lit; a still does not show movement. "
        "The camera reported person."
    )


async def test_several_tracks_are_counted_and_two_are_told() -> None:
    shown = motion(ACROSS, track((0.9, 0.2), (0.1, 0.2), area=0.2), ACROSS, dropped=3)

    assert (await answered(shown)).description == (
        "Six regions moved: a medium region moved from left to right through gate "
        "from 1.0 s to 3.0 s; a large region moved from right to left from 1.0 s to 2.0 s; "
        "the picture was well lit. The camera reported person."
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (((0.1, 0.5), (0.9, 0.5)), "moved from left to right"),
        (((0.9, 0.5), (0.1, 0.4)), "moved from right to left"),
        (((0.5, 0.1), (0.5, 0.9)), "moved towards the bottom"),
        (((0.5, 0.9), (0.4, 0.1)), "moved towards the top"),
        (((0.1, 0.1), (0.8, 0.8)), "moved towards the bottom right"),
        (((0.8, 0.8), (0.2, 0.3)), "moved towards the top left"),
        (((0.5, 0.5), (0.52, 0.5)), "stayed around the centre"),
        (((0.1, 0.1),), "stayed around the top left"),
        (((0.1, 0.9), (0.6, 0.9), (0.12, 0.9)), "moved back and forth around the bottom left"),
    ],
)
async def test_a_path_has_its_words(path: tuple[tuple[float, float], ...], words: str) -> None:
    assert words in (await answered(motion(track(*path)))).description


@pytest.mark.parametrize(("area", "word"), [(0.001, "small"), (0.02, "medium"), (0.3, "large")])
async def test_a_region_has_a_size(area: float, word: str) -> None:
    assert (
        f"One {word} region" in (await answered(motion(track((0.5, 0.5), area=area)))).description
    )


async def test_a_zone_that_was_not_crossed_is_not_named() -> None:
    assert "gate" not in (await answered(motion(track((0.1, 0.1), (0.9, 0.1))))).description


async def test_the_only_label_is_motion() -> None:
    found = await answered(motion(ACROSS))

    assert (found.labels, [one.label for one in found.detections]) == (("motion",), ["motion"])


async def test_where_nothing_moved_there_is_no_label() -> None:
    assert (await answered(motion())).labels == ()


async def test_no_confidence_is_claimed() -> None:
    found = await answered(motion(ACROSS))

    assert (found.confidence, found.detections[0].confidence) == (None, None)


async def test_a_movement_that_the_camera_has_no_name_for_was_reported_as_motion() -> None:
    event = MotionDetected(event_id="1", source="demo", camera_id="yard", timestamp=NOON)

    assert (await answered(motion(), event)).description.endswith("The camera reported motion.")


async def test_without_measured_motion_it_is_not_capable() -> None:
    with pytest.raises(ProviderError) as caught:
        await MotionProvider().ask(question(None))

    assert caught.value.error_class == "capability"


async def test_the_details_say_what_was_measured() -> None:
    details = (await answered(motion(ACROSS))).details

    assert details["regions"] == [
        {
            "size": "medium",
            "way": "moved from left to right",
            "zones": ["gate"],
            "from_s": 1.0,
            "to_s": 3.0,
            "from": [0.1, 0.5],
            "to": [0.9, 0.5],
            "area_mean": 0.02,
            "area_max": 0.02,
        }
    ]


shares = st.floats(0, 1)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


@given(
    tracks=st.lists(
        st.builds(track, st.tuples(shares, shares), st.tuples(shares, shares), area=shares),
        max_size=16,
    ),
    labels=st.lists(names, max_size=32),
    zones=st.lists(names, max_size=32),
    still=st.booleans(),
)
async def test_any_question_has_an_answer_within_the_bounds_of_the_wire(
    tracks: list[Track], labels: list[str], zones: list[str], *, still: bool
) -> None:
    event = msgspec.structs.replace(PERSON, labels=tuple(labels))
    everywhere = tuple(Zone(name=name, polygon=((0, 0), (1, 0), (1, 1), (0, 1))) for name in zones)
    shown = motion(*([] if still else tracks), still=still)

    reply = await MotionProvider().ask(question(shown, event, everywhere))

    wire = msgspec.json.encode(reply.answer)
    assert msgspec.json.decode(wire, type=Answer) == reply.answer
    assert len(reply.answer.description) <= 400
