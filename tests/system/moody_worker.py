"""A worker whose one provider is as a file says: `-m tests.system.moody_worker FOLDER [distant]`.

It answers, or it hangs until the file says otherwise. Some cameras it never answers about. Each
call is noted before anything else.
"""

import asyncio
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.assembly import World
from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure
from infra.topology import STEPS
from infra.worker import Make, run
from schemas.attempts import Answer
from streams.providers.ports import AT_HOME, Profile, ProviderError, Question, Reply

LOOK_S: Final = 0.05
HANGS: Final = "hangs"
REFUSES: Final = "refuses"
DISTANT: Final = Profile(local=True, retries=0)
MUTE: Final = "camera-mute"
REFUSED: Final = "camera-refused"


@dataclass(frozen=True)
class Moody:
    """The provider, and the test's hand on it."""

    folder: Path
    name: str = "moody"
    model: str = "moody-1"
    profile: Profile = AT_HOME
    """`DISTANT`: as one beyond this machine, whose calls are announced and answers kept."""

    def mood(self, mood: str) -> None:
        """What it does from now on."""
        self._mood.write_text(mood)

    def calls(self) -> Counter[str]:
        """How often it was asked, by event."""
        return Counter(self._calls.read_text().split() if self._calls.exists() else ())

    async def ask(self, question: Question) -> Reply:
        """One call."""
        with self._calls.open("ab", buffering=0) as file:
            os.write(file.fileno(), f"{question.enriched.id}\n".encode())
        camera = question.enriched.event.camera_id
        if camera == REFUSED or self._mood.read_text() == REFUSES:
            raise ProviderError("network", "connection refused")
        while camera == MUTE or self._mood.read_text() == HANGS:  # noqa: ASYNC110  # a file's word
            await asyncio.sleep(LOOK_S)
        return Reply(Answer(description="Something moved.", labels=("person",)), self.model)

    @property
    def _mood(self) -> Path:
        return self.folder / "mood"

    @property
    def _calls(self) -> Path:
        return self.folder / "calls"


def main(folder: str, profile: Profile) -> int:
    """Works until it is told to stop, or killed."""
    settings = Settings()
    configure(settings.log_level)
    make = Make(world=World(providers=lambda _: (Moody(Path(folder), profile=profile),)))
    return run(settings, endpoints(settings), STEPS, make)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], DISTANT if "distant" in sys.argv[2:] else AT_HOME))
