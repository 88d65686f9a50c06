"""What the workers of a run are told, in a file that they all read."""

from pathlib import Path

import msgspec


class Brief(msgspec.Struct, frozen=True):
    """What all workers of a run are told: their settings, and the files that they share with it."""

    settings: dict[str, str | int | float]
    skew: str
    """Holds the seconds by which clocks go wrong."""
    calls: str
    """Gets a line for each call of the provider: the event's id, the process, the time."""
    control: str = ""

    def write(self, file: Path) -> None:
        """It holds passwords, so nobody else may read it."""
        file.touch(mode=0o600)
        file.write_bytes(msgspec.json.encode(self))
