"""Which camera events are worth a look: the camera's policy, judged with pen and paper.

The first rule that says no gives the reason. What can't be judged is looked at: a policy that is
wrong (a time zone nobody knows) must not make events disappear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.camera_events import CameraConnectionChanged, MotionDetected, Sighting
from schemas.cameras import Hours, Policy
from schemas.clips import CameraEventEnriched, SkipReason

MOTION: Final = "motion"
"""The label of a movement that the camera has no word for."""


@dataclass(frozen=True)
class Skip:
    """Nobody asks about this event, and why."""

    reason: SkipReason
    detail: str


def verdict(enriched: CameraEventEnriched) -> Skip | None:
    """None when the event is to be described."""
    event, policy = enriched.event, enriched.camera.policy
    if isinstance(event, CameraConnectionChanged):
        return Skip("nothing_to_see", f"the camera went {event.state}")
    if enriched.camera.removed:
        return Skip("camera_removed", "the registry marks this camera as removed")
    if not policy.describe:
        return Skip("policy_off", "this camera's events are not described")
    return _unwanted(event, policy)


def labels_of(event: Sighting) -> tuple[str, ...]:
    """What the camera calls it; movement without a name is `motion`."""
    if not event.labels and isinstance(event, MotionDetected):
        return (MOTION,)
    return event.labels


def _unwanted(event: Sighting, policy: Policy) -> Skip | None:
    labels = labels_of(event)
    if policy.labels is not None and not _share(labels, policy.labels):
        return Skip("policy_label", f"{_list(labels, 'no label')}; wanted {_list(policy.labels)}")
    if policy.zones is not None and not _share(event.zones, policy.zones):
        return Skip("policy_zone", f"{_list(event.zones, 'no zone')}; wanted {_list(policy.zones)}")
    if policy.hours is not None and not within(policy.hours, event.timestamp):
        hours = policy.hours
        detail = f"began outside {hours.start} to {hours.end} ({hours.timezone})"
        return Skip("policy_hours", detail)
    return None


def within(hours: Hours, moment: datetime) -> bool:
    """Whether the moment's local time lies from `start` (included) to `end` (not included)."""
    try:
        local = moment.astimezone(ZoneInfo(hours.timezone)).strftime("%H:%M")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return True
    if hours.start == hours.end:
        return True
    if hours.start < hours.end:
        return hours.start <= local < hours.end
    return local >= hours.start or local < hours.end


def _share(some: Sequence[str], others: Sequence[str]) -> bool:
    return not {text.casefold() for text in some}.isdisjoint(text.casefold() for text in others)


def _list(words: Sequence[str], none: str = "none") -> str:
    return ", ".join(words)[:900] or none
