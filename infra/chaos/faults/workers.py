"""Faults of workers, and of their clocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from infra.chaos.fleet import PER_STEP_MAX, Fleet, Member
from infra.chaos.plan import Fault
from infra.topology import STEPS

T = TypeVar("T")

Heal = Callable[[], None]
Broken = tuple[str, Heal | None]
"""What was broken, "" when there was nothing to break; and what heals it, if that needs doing."""

SKEW_MAX_S: Final = 86_400.0


def kill(fleet: Fleet, fault: Fault) -> Broken:
    """SIGKILL; it is started again when the fault is over."""
    member = _chosen(_well(fleet), fault.pick)
    if member is None:
        return "", None
    fleet.kill(member)
    return member.name, lambda: fleet.revive(member)


def term(fleet: Fleet, fault: Fault) -> Broken:
    """SIGTERM; it is started again when it has stopped."""
    member = _chosen(_well(fleet), fault.pick)
    if member is None:
        return "", None
    fleet.ask_to_stop(member, leaves=False)
    return member.name, None


def freeze(fleet: Fleet, fault: Fault) -> Broken:
    """SIGSTOP, then SIGCONT."""
    member = _chosen(_well(fleet), fault.pick)
    if member is None:
        return "", None
    fleet.freeze(member)
    return member.name, lambda: fleet.thaw(member)


def add(fleet: Fleet, fault: Fault) -> Broken:
    """One more worker of a step."""
    step = _chosen([s for s in STEPS if len(fleet.of(s)) < PER_STEP_MAX], fault.pick)
    if step is None:
        return "", None
    fleet.add(step)
    return step, None


def remove(fleet: Fleet, fault: Fault) -> Broken:
    """One of several workers of a step leaves in order."""
    member = _chosen([m for m in _well(fleet) if len(fleet.of(m.step)) > 1], fault.pick)
    if member is None:
        return "", None
    fleet.ask_to_stop(member, leaves=True)
    return member.name, None


def skew(file: Path, fault: Fault) -> Broken:
    """Every worker's clock goes wrong by up to a day, either way."""
    seconds = (2 * fault.amount - 1) * SKEW_MAX_S
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{seconds:.3f}")
    fresh.replace(file)
    return f"by {seconds:.0f} s", lambda: file.unlink(missing_ok=True)


def _well(fleet: Fleet) -> list[Member]:
    """Workers that can be broken: running, and not broken already."""
    return [m for m in fleet.members if m.is_well and m.process.poll() is None]


def _chosen(some: list[T], pick: float) -> T | None:
    return some[int(pick * len(some))] if some else None
