"""Neighbouring releases of some words, until there are real ones: today's, the next, a later one.

`next` adds an optional field to two words, under their tags. `later` has a recorded inference with
a field that is required, so it has a tag of its own, and reads today's by an upcast.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from msgspec import Struct, convert, to_builtins

from infra import topology
from infra.settings import Settings
from infra.topology import Ports
from schemas.clips import CameraEventEnriched
from schemas.codec import Codec
from schemas.event import Derived
from schemas.fields import Count, Name
from schemas.outcomes import InferenceRecorded
from schemas.upcasts import Document, Upcast
from streams.records import Output, Outputs, Received
from streams.steps import Effect, Projection, Pure, Step
from streams.topics import AI_INFERENCES, ENRICHED, Topic

E = TypeVar("E")
W = TypeVar("W", bound=Derived)

SITE: Final = "north"


class NextEnriched(CameraEventEnriched, frozen=True, kw_only=True, tag="camera-event-enriched"):
    """As the next release writes it."""

    site_code: Name | None = None


class NextRecorded(InferenceRecorded, frozen=True, kw_only=True, tag="inference-recorded"):
    """As the next release writes it."""

    site_code: Name | None = None


class LaterRecorded(InferenceRecorded, frozen=True, kw_only=True, tag="inference-recorded-2"):
    """As a later release writes it: how many things were found is said, and must be."""

    found: Count


def counted(old: Document) -> Document:
    """The upcast from `inference-recorded`."""
    result = old["result"]
    found = result.get("detections", ()) if isinstance(result, dict) else ()
    return old | {"type": "inference-recorded-2", "found": len(found)}


NEXT_ENRICHED: Final[Topic[CameraEventEnriched]] = replace(ENRICHED, codec=Codec(NextEnriched))
NEXT_RECORDED: Final[Topic[InferenceRecorded]] = replace(AI_INFERENCES, codec=Codec(NextRecorded))
LATER_RECORDED: Final[Topic[InferenceRecorded]] = replace(
    AI_INFERENCES, codec=Codec(LaterRecorded, upcasts={"inference-recorded": counted})
)


def coded(document: Document) -> Document:
    """What the next release adds to both of its words."""
    return document | {"site_code": SITE}


def writing(
    topic: Topic[W], agent: Callable[[Received[E]], Outputs], change: Upcast
) -> Callable[[Received[E]], Outputs]:
    """The agent of another release, which writes that release's word to the topic."""
    (word,) = topic.words

    def written(output: Output) -> Output:
        event = convert(change(to_builtins(output.event)), type=word)
        return Output(topic, event, output.traceparent)

    return lambda received: tuple(written(output) for output in agent(received))


def _next(step: Step) -> Step:
    match step:
        case Pure(name="enrich"):
            agent = writing(NEXT_ENRICHED, step.runs, coded)
            return replace(step, runs=agent, writes=(NEXT_ENRICHED,))
        case Pure(name="record_inference"):
            agent = writing(NEXT_RECORDED, step.runs, coded)
            return replace(step, runs=agent, writes=(NEXT_RECORDED,))
        case Effect(name="fetch_clips"):
            return replace(step, reads=NEXT_ENRICHED)
        case Projection():
            return replace(step, reads=_reading(step, NEXT_RECORDED))
        case _:
            return step


def _later(step: Step) -> Step:
    match step:
        case Pure(name="record_inference"):
            agent = writing(LATER_RECORDED, step.runs, counted)
            return replace(step, runs=agent, writes=(LATER_RECORDED,))
        case Projection():
            return replace(step, reads=_reading(step, LATER_RECORDED))
        case _:
            return step


def _reading(step: Projection, topic: Topic[InferenceRecorded]) -> tuple[Topic[Struct], ...]:
    return tuple(topic if read.name == topic.name else read for read in step.reads)


VERSIONS: Final[Mapping[str, Callable[[Step], Step]]] = {
    "today": lambda step: step,
    "next": _next,
    "later": _later,
}


def steps(version: str) -> Callable[[Ports, Settings], tuple[Step, ...]]:
    """The topology of a release."""
    change = VERSIONS[version]
    return lambda ports, settings: tuple(map(change, topology.topology(ports, settings)))
