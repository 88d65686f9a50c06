"""What each word of an event's story becomes in plain words; details are appended in brackets."""

from collections.abc import Sequence
from typing import Final

from schemas.attempts import AttemptBegun, ProviderAttempted
from schemas.camera_events import CameraConnectionChanged, CameraEvent
from schemas.cameras import Camera
from schemas.clips import ClipNotWanted, ClipOutcome, ClipReady
from schemas.outcomes import AiEvent, Degraded, Described, Outcome, Skipped, Undescribed
from schemas.requests import AnalysisRequested
from streams.dead_letters import DeadLetter
from streams.telling import choosing
from streams.telling.sentences import BEGUN, CLIPS, SKIPPED, UNDESCRIBED

DETAIL_MAX: Final = 300
TIME: Final = "%Y-%m-%d %H:%M:%S UTC"


def reported(event: CameraEvent, times: int) -> str:
    """By whom, what, and when it was seen."""
    who = f"{event.source} reported of camera {event.camera_id}"
    again = f" It was published {times} times, which counts once." if times > 1 else ""
    if isinstance(event, CameraConnectionChanged):
        return f"{who} that it went {event.state} at {event.timestamp:{TIME}}.{again}"
    what = ", ".join(event.labels) or "movement"
    where = f" in {', '.join(event.zones)}" if event.zones else ""
    named = [
        name
        for name, url in (("a clip", event.clip_url), ("a still", event.snapshot_url))
        if url is not None
    ]
    media = " and ".join(named) or "no picture"
    return f"{who}: {what}{where} at {event.timestamp:{TIME}}. It names {media}.{again}"


def camera(found: Camera) -> str:
    """Which it is, and what of its registration matters."""
    place = f" ({found.site})" if found.site else ""
    known = "which is registered" if found.registered else "which nobody registered"
    removed = " and marked as removed" if found.removed else ""
    stays = " Its pictures must not leave the site." if found.privacy == "local-only" else ""
    return f"The camera is {found.name}{place}, {known}{removed}.{stays}"


def clip(found: ClipOutcome) -> str:
    """What there is to look at, or why there is nothing."""
    if isinstance(found, ClipReady):
        size = f"{found.clip.size_bytes / 1e6:.1f} MB, {found.clip.duration_s:.1f} s"
        short = ", cut short" if found.clip.truncated else ""
        return f"The clip was fetched ({size}{short}) and {_frames(len(found.frames))} taken."
    if isinstance(found, ClipNotWanted):
        return "No clip was fetched, because nobody is to be asked about this event."
    still = "A still stands in for it." if found.snapshot else "There is no still either."
    return f"{CLIPS[found.reason]}{_detail(found.detail)} {still}"


def request(found: AnalysisRequested) -> str:
    """Who wants another look, and why."""
    return f"{found.requested_by} asked for revision {found.revision}{_detail(found.why)}."


def attempt(found: ProviderAttempted) -> str:
    """Who was asked or not, what came of it, how long it took, what it cost."""
    told = choosing.of_attempt(found.status, found.not_asked, found.error_class)
    why = f": {told}" if told else "."
    if found.status == "skipped":
        return f"{found.provider} was not asked{why}{_detail(found.detail)}"
    model = found.model_answered or found.model_asked
    who = f"{found.provider} ({model})" if model else found.provider
    again = f" for the {found.attempt}. time" if found.attempt > 1 else ""
    took = f" after {found.latency_ms / 1000:.1f} s" if found.latency_ms is not None else ""
    cost = "at unknown cost" if found.cost_usd is None else f"for ${found.cost_usd}"
    asked = f"{who} was asked{again} with {_pictures(len(found.frames))}"
    if found.status == "answered":
        return f"{asked} and answered{took}, {cost}."
    return f"{asked} and gave no answer{took}, {cost}{why}{_detail(found.detail)}"


def begun(found: AttemptBegun, *, ended: bool) -> str:
    """A call without an end in the log. `ended`: the event has an outcome all the same."""
    who = f"{found.provider} ({found.model_asked})"
    if ended:
        return f"{who}: {BEGUN}"
    return f"{who} was asked, and the log has no end of that: it is under way, or its worker died."


def outcome(found: AiEvent) -> str:
    """What became of the event."""
    again = f"Revision {found.revision}: " if found.revision > 1 else ""
    match found:
        case Described():
            text = f"described by {found.provider_used}: {_quoted(found.answer.description)}"
            if found.reused:
                text += (
                    f" Nobody was asked: it is the answer of {found.reused.answered_at:{TIME}} to"
                    f" the very same pictures (outcome {found.reused.outcome_id})."
                )
            told = choosing.of_outcome(None, found.fallback_reason)
            if told:
                text += f" {told}{_detail(found.fallback_detail or '')}"
        case Degraded():
            text = (
                f"not described; what {found.provider_used} said of something similar stands in: "
                f"{_quoted(found.answer.description)} {UNDESCRIBED[found.reason]}"
            )
        case Undescribed():
            text = f"not described. {UNDESCRIBED[found.reason]}{_detail(found.detail)}"
            if found.reason == "no_frames" and found.clip_failure:
                text += f" {CLIPS[found.clip_failure]}"
        case Skipped():
            text = f"skipped. {SKIPPED[found.reason]}{_detail(found.detail)}"
    return again + text if again else text[0].upper() + text[1:]


def letter(found: DeadLetter) -> str:
    """What could not be processed, and what to do."""
    place = f"{found.source.topic}[{found.source.number}]@{found.source_offset}"
    about = f"The step {found.step} could not process {place}: {found.reason}"
    next_ = (
        "It was given another chance since."
        if found.redriven
        else f"Mend the cause, then: ./vidette dead-letters redrive {found.id}"
    )
    return f"{about}{_detail(found.detail)}. It is dead letter {found.id}. {next_}"


def stands(newest: Outcome | None, open_letters: Sequence[DeadLetter]) -> str:
    """Where the story ends, as far as it was read."""
    if newest is not None:
        return f"That is how it stands: revision {newest.revision}, outcome {newest.id}."
    if open_letters:
        return "It has no outcome: it waits as a dead letter until somebody redrives it."
    return "It has no outcome so far: it is under way, or waits for a step that does not run."


def _detail(text: str) -> str:
    if not text:
        return ""
    return f" ({text[:DETAIL_MAX]}{'…' if len(text) > DETAIL_MAX else ''})"


def _quoted(text: str) -> str:
    return f"“{text}”"


def _frames(count: int) -> str:
    return "1 frame was" if count == 1 else f"{count} frames were"


def _pictures(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
