"""Which events are worth a look."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.camera_events import (
    CameraConnectionChanged,
    CameraEvent,
    MotionDetected,
    SmartDetection,
)
from schemas.cameras import Camera, Hours, Policy
from schemas.clips import CameraEventEnriched
from streams.policy import verdict, within

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def seen(*labels: str, zones: tuple[str, ...] = (), at: datetime = NOON) -> SmartDetection:
    return SmartDetection(
        event_id="1", source="demo", camera_id="yard", timestamp=at, labels=labels, zones=zones
    )


def moved(*labels: str) -> MotionDetected:
    return MotionDetected(
        event_id="1", source="demo", camera_id="yard", timestamp=NOON, labels=labels
    )


def reason(
    event: CameraEvent, policy: Policy | None = None, *, removed: bool = False
) -> str | None:
    camera = Camera(
        id=UUID(int=1),
        source="demo",
        source_id="yard",
        name="Yard",
        policy=policy or Policy(),
        removed=removed,
    )
    enriched = CameraEventEnriched(
        id=UUID(int=2),
        camera_id=camera.id,
        timestamp=event.timestamp,
        correlation_id="c",
        event=event,
        camera=camera,
    )
    skip = verdict(enriched)
    return skip.reason if skip else None


def hours(start: str, end: str, timezone: str = "UTC") -> Hours:
    return Hours(start=start, end=end, timezone=timezone)


def test_without_a_policy_everything_is_looked_at() -> None:
    assert reason(seen("person")) is None


def test_a_connection_change_shows_nothing() -> None:
    event = CameraConnectionChanged(
        event_id="1", source="demo", camera_id="yard", timestamp=NOON, state="offline"
    )

    assert reason(event) == "nothing_to_see"


def test_a_removed_camera_is_not_looked_at() -> None:
    assert reason(seen("person"), removed=True) == "camera_removed"


def test_a_camera_that_is_not_described_is_not_looked_at() -> None:
    assert reason(seen("person"), Policy(describe=False)) == "policy_off"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (seen("person"), None),
        (seen("dog", "Person"), None),
        (seen("dog"), "policy_label"),
        (seen(), "policy_label"),
        (moved(), "policy_label"),
    ],
)
def test_one_wanted_label_is_enough(event: CameraEvent, expected: str | None) -> None:
    assert reason(event, Policy(labels=("person",))) == expected


def test_movement_without_a_name_is_called_motion() -> None:
    assert reason(moved(), Policy(labels=("motion",))) is None


def test_movement_with_a_name_has_that_name() -> None:
    assert reason(moved("dog"), Policy(labels=("motion",))) == "policy_label"


@pytest.mark.parametrize(
    ("zones", "expected"),
    [(("gate", "path"), None), (("road",), "policy_zone"), ((), "policy_zone")],
)
def test_one_wanted_zone_is_enough(zones: tuple[str, ...], expected: str | None) -> None:
    assert reason(seen("person", zones=zones), Policy(zones=("gate",))) == expected


def test_wanting_no_label_is_wanting_nothing() -> None:
    assert reason(seen("person"), Policy(labels=())) == "policy_label"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (hours("11:00", "13:00"), True),
        (hours("12:00", "12:01"), True),
        (hours("11:00", "12:00"), False),
        (hours("22:00", "06:00"), False),
        (hours("22:00", "12:01"), True),
        (hours("08:00", "08:00"), True),
        (hours("14:00", "15:00", "Europe/Berlin"), True),
        (hours("12:00", "13:00", "Europe/Berlin"), False),
        (hours("08:00", "08:30", "America/New_York"), True),
        (hours("01:00", "02:00", "Mars/Olympus"), True),
        (hours("01:00", "02:00", "../../etc/passwd"), True),
    ],
)
def test_noon_in_july_is_within_these_hours(span: Hours, expected: bool) -> None:  # noqa: FBT001  # by pytest
    assert within(span, NOON) is expected


def test_an_event_outside_the_hours_is_not_looked_at() -> None:
    assert reason(seen("person"), Policy(hours=hours("22:00", "06:00"))) == "policy_hours"


@given(start=st.integers(0, 1439), end=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_every_moment_is_in_a_span_or_in_the_rest_of_the_day(
    start: int, end: int, minute: int
) -> None:
    def text(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    moment = NOON.replace(hour=minute // 60, minute=minute % 60)
    both = (
        within(hours(text(start), text(end)), moment),
        within(hours(text(end), text(start)), moment),
    )

    assert both == (True, True) if start == end else both[0] != both[1]
