"""How far the fetching of a clip may go."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ClipLimits:
    """Times are real ones, except the waits between retries, which belong to the Clock port."""

    bytes_max: int = 256 * 1024 * 1024
    timeout_s: float = 60.0
    """For one download."""
    stall_s: float = 15.0
    """For connecting, and for each wait for the next bytes."""
    deadline_s: float = 180.0
    """For all attempts together."""
    retries_s: tuple[float, ...] = (1.0, 2.0, 4.0)
    """The waits before each retry; as many as there are, for what can pass."""
    redirects_max: int = 5
