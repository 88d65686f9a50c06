"""Faults of the lines to Kafka and to PostgreSQL."""

from collections.abc import Callable
from typing import Final

from infra.chaos.faults.proxy import WELL, Proxy, Trouble
from infra.chaos.faults.workers import Broken
from infra.chaos.plan import Fault

DELAY_MAX_S: Final = 0.25
SLICE_BYTES_MAX: Final = 2_000
RESET_BYTES_MAX: Final = 200_000


def delay(line: Proxy, fault: Fault) -> Broken:
    """Every chunk comes late."""
    return _spoil(line, Trouble(delay_s=DELAY_MAX_S * fault.amount))


def hold(line: Proxy, _: Fault) -> Broken:
    """Nothing comes, and then all of it."""
    return _spoil(line, Trouble(held=True))


def deaf(line: Proxy, _: Fault) -> Broken:
    """Questions arrive and answers do not; then the connections are reset, so that none ever do."""
    return _spoil(line, Trouble(deaf=True), finally_=line.reset_all)


def slices(line: Proxy, fault: Fault) -> Broken:
    """Data come in small pieces."""
    return _spoil(line, Trouble(slice_bytes=1 + int(SLICE_BYTES_MAX * fault.amount)))


def reset(line: Proxy, fault: Fault) -> Broken:
    """Each connection is reset in the middle of something, again and again."""
    return _spoil(line, Trouble(reset_after_bytes=int(RESET_BYTES_MAX * fault.amount)))


def refuse(line: Proxy, _: Fault) -> Broken:
    """All connections are reset and no new ones taken."""
    broken = _spoil(line, Trouble(refused=True))
    line.reset_all()
    return broken


def _spoil(line: Proxy, trouble: Trouble, finally_: Callable[[], None] | None = None) -> Broken:
    """A later trouble takes the place of an earlier one, which then has nothing to heal."""
    line.trouble = trouble

    def heal() -> None:
        if finally_:
            finally_()
        if line.trouble is trouble:
            line.trouble = WELL

    return f"the line to port {line.target_port}", heal
