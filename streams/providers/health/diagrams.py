"""The tables as pictures: state diagrams in Mermaid, drawn row by row, so they can't differ."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from streams.providers.health import blacklist, breaker


class Row(Protocol):
    """Where an event leads, and what is done about it."""

    @property
    def state(self) -> str:
        """The next state."""
        ...

    @property
    def effect(self) -> str:
        """What is done."""
        ...


def breaker_diagram() -> str:
    """The breaker's."""
    return "\n".join(_lines("closed", breaker.TABLE.items()))


def blacklist_diagram() -> str:
    """A blacklist entry's."""
    return "\n".join(_lines("clear", blacklist.TABLE.items()))


def _lines(start: str, rows: Iterable[tuple[tuple[str, str], Row]]) -> Iterator[str]:
    """Events that lead from one state to the same one with the same effect share an arrow."""
    yield from ("```mermaid", "stateDiagram-v2", f"    [*] --> {start}")
    arrows: dict[tuple[str, str, str], list[str]] = {}
    for (state, event), to in rows:
        arrows.setdefault((state, to.state, to.effect), []).append(event)
    for (state, next_state, effect), events in arrows.items():
        yield f"    {state} --> {next_state}: {', '.join(events)} / {effect}"
    yield "```"
