"""What is said to a provider: one versioned text per kind of event, filled in with what is known.

A text is two parts, the system's and the user's, separated by a line `---`. The user's part may
name `{camera}`, `{site}`, `{zones}`, `{labels}`, `{time}` and `{earlier}`. Its version is its
file's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from schemas.camera_events import Sighting
from schemas.clips import CameraEventEnriched
from streams.policy import labels_of
from streams.providers.ports import Prompt

SEPARATOR: Final = "\n---\n"
ANY: Final = "motion"
"""The kind of an event that no other prompt is for."""

KINDS: Final[Mapping[str, frozenset[str]]] = {
    "person": frozenset({"person", "face", "ring", "people", "human"}),
    "vehicle": frozenset(
        {"vehicle", "car", "truck", "bus", "motorcycle", "bicycle", "licenseplate", "license_plate"}
    ),
    "animal": frozenset({"animal", "dog", "cat", "bird", "horse", "deer"}),
    "package": frozenset({"package", "parcel", "box"}),
}
"""By the labels that cameras give, folded; the first kind that one of the labels belongs to."""

NAMES_MAX: Final = 500
"""Characters of camera and zone names in a prompt: they come from outside."""


class PromptUnusable(ValueError):  # noqa: N818  # the sentence is the whole of it
    """A prompt's text can't be used as it is."""


@dataclass(frozen=True)
class PromptText:
    """One file: its version, and its text as it stands there."""

    version: str
    text: str

    def __post_init__(self) -> None:
        if self.text.count(SEPARATOR) != 1:
            text = f"prompt {self.version}: system and user part are separated by one line ---"
            raise PromptUnusable(text)
        try:
            self.text.format_map(dict.fromkeys(_FIELDS, ""))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            text = f"prompt {self.version}: of {{…}} only {', '.join(_FIELDS)} are known: {error}"
            raise PromptUnusable(text) from error

    @property
    def sha256(self) -> str:
        """Of the text, before it is filled in."""
        return sha256(self.text.encode()).hexdigest()


_FIELDS: Final = ("camera", "site", "zones", "labels", "time", "earlier")


@dataclass(frozen=True)
class Prompts:
    """By kind of event; there is one for `ANY`."""

    texts: Mapping[str, PromptText]

    def __post_init__(self) -> None:
        if ANY not in self.texts:
            text = f"there must be a prompt for {ANY!r}"
            raise PromptUnusable(text)

    def kind(self, enriched: CameraEventEnriched) -> str:
        """Which prompt an event has."""
        event = enriched.event
        labels = {n.casefold() for n in labels_of(event)} if isinstance(event, Sighting) else set()
        for kind, belonging in KINDS.items():
            if kind in self.texts and not labels.isdisjoint(belonging):
                return kind
        return ANY

    def prompt(self, enriched: CameraEventEnriched, earlier: Sequence[str] = ()) -> Prompt:
        """The prompt for an event; `earlier` tells what happened there shortly before."""
        written = self.texts[self.kind(enriched)]
        event, camera = enriched.event, enriched.camera
        seen = event if isinstance(event, Sighting) else None
        known = {
            "camera": camera.name,
            "site": camera.site or "unknown",
            "zones": ", ".join(seen.zones if seen else ()) or "none",
            "labels": ", ".join(labels_of(seen) if seen else ()) or "none",
            "time": event.timestamp.strftime("%Y-%m-%d %H:%M:%S UTC"),
            "earlier": " ".join(earlier) or "nothing known",
        }
        system, user = written.text.split(SEPARATOR)
        filled = user.format_map({name: _plain(text) for name, text in known.items()})
        return Prompt(written.version, written.sha256, system.strip(), filled.strip())


def _plain(text: str) -> str:
    """One line of bounded length: names are not ours, and must not look like instructions."""
    return " ".join(text.replace("<", "(").replace(">", ")").split())[:NAMES_MAX]
