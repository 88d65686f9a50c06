"""The operator's sentence for each reason that the words know: one literal table per kind.

Each says what happened, what the system did, and what to do. A vendor's own text is no part of
them: whoever shows a sentence appends the detail.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.attempts import ErrorClass, NotAskedReason
from schemas.clips import ClipFailure, SkipReason
from schemas.outcomes import FallbackReason, UndescribedReason


class Sentence(NamedTuple):
    """What happened, what was done about it, and what to do."""

    happened: str
    done: str
    advice: str

    def __str__(self) -> str:
        """As one text."""
        return f"{self.happened}; {self.done}. {self.advice}."


NOTHING: Final = "Nothing to do"
NEXT: Final = "the next provider was asked"
BACK: Final = "Nothing to do: it is asked again when it is back"
REPAIRED: Final = "Nothing to do: it is taken up again when a provider can be asked"

ERRORS: Final[Mapping[ErrorClass, Sentence]] = {
    "auth": Sentence(
        "The provider refused our key",
        "it is not asked again, and the next provider was asked",
        "Give the workers a valid key and start them again, or lift the blacklist",
    ),
    "quota": Sentence(
        "The account with the provider is used up",
        "it is left alone for five minutes, and the next provider was asked",
        "Pay, or raise the limit of the account; it is tried again by itself",
    ),
    "rate_limited": Sentence(
        "The provider takes no more requests for the moment",
        "it was asked again if there was time to wait, then the next one",
        "If it happens often, raise the rate with the provider or ask another one first",
    ),
    "overloaded": Sentence(
        "The provider is overloaded",
        "the next provider was asked, and after several such answers this one is left alone for"
        " five minutes",
        BACK,
    ),
    "server": Sentence(
        "The provider failed by a fault of its own",
        "the next provider was asked, and after several such answers this one is left alone for"
        " five minutes",
        BACK,
    ),
    "model_unavailable": Sentence(
        "The provider does not have the model that is set",
        "the model is left alone for five minutes, and the next provider was asked",
        "Set a model that the provider has, and start the workers again",
    ),
    "timeout": Sentence(
        "The provider did not answer in time",
        "it was asked again if there was time, then the next one",
        "If it happens often, ask a faster provider first or give each event more time",
    ),
    "network": Sentence(
        "The provider could not be reached",
        "it was asked again if there was time, then the next one",
        "Look at the network of the workers and at the address that is set",
    ),
    "bad_request": Sentence(
        "The provider did not understand the request",
        NEXT,
        "Check its model and address; if both are right, report it",
    ),
    "blocked": Sentence(
        "The provider would not or could not say what the pictures show",
        NEXT,
        NOTHING,
    ),
    "truncated": Sentence(
        "The answer of the provider was cut short",
        NEXT,
        "If it happens often, use a model that answers in fewer words",
    ),
    "malformed": Sentence(
        "The answer of the provider could not be read",
        NEXT,
        "If it happens often, check that its address leads to the provider, or use another model",
    ),
    "capability": Sentence(
        "The provider can't judge what there is to see of this event",
        NEXT,
        NOTHING,
    ),
    "policy": Sentence(
        "The pictures of this camera must not leave the site",
        "nothing was sent to this provider",
        "Nothing to do, unless the camera's privacy should be another one",
    ),
}

NOT_ASKED: Final[Mapping[NotAskedReason, Sentence]] = {
    "no_key": Sentence(
        "There is no key for this provider",
        "it was passed over",
        "Give the workers its key, or take it out of the order",
    ),
    "privacy": Sentence(
        "The pictures of this camera must not leave the site",
        "this provider was passed over, because it is elsewhere",
        "Nothing to do, unless the camera's privacy should be another one",
    ),
    "capability": Sentence(
        "No picture of this event fits into what the provider takes",
        "it was passed over",
        NOTHING,
    ),
    "policy": Sentence(
        "The rules of this camera exclude the provider",
        "it was passed over",
        "Nothing to do, unless the rules should be other ones",
    ),
    "blacklisted": Sentence(
        "The provider was on the blacklist",
        "it was passed over",
        "Mend the cause, then lift the blacklist; one with an end lifts itself",
    ),
    "breaker_open": Sentence(
        "The provider had failed several times just before",
        "it was passed over until it is tried again",
        BACK,
    ),
    "probe_taken": Sentence(
        "Somebody else was just trying whether the provider is back",
        "it was passed over",
        NOTHING,
    ),
    "quota": Sentence(
        "Our own limit for the provider is spent, or could not be checked",
        "it was passed over",
        "Wait for the next window, raise the limit, or count anew",
    ),
    "no_time": Sentence(
        "The time for this event was over",
        "the provider was passed over",
        "If it happens often, give each event more time or ask faster providers first",
    ),
}

UNDESCRIBED: Final[Mapping[UndescribedReason, Sentence]] = {
    "no_frames": Sentence(
        "There is no picture of this event",
        "nobody was asked",
        "See why there is no clip; a snapshot that the event names would stand in",
    ),
    "all_providers_failed": Sentence(
        "No provider gave an answer",
        "the event was recorded without a description of its own",
        REPAIRED,
    ),
    "deadline_passed": Sentence(
        "The time for this event was over before a provider answered",
        "the event was recorded without a description of its own",
        REPAIRED,
    ),
    "too_old": Sentence(
        "The event was too old when its turn came",
        "it was set aside, so that new events need not wait",
        REPAIRED,
    ),
}

SKIPPED: Final[Mapping[SkipReason, Sentence]] = {
    "policy_off": Sentence(
        "Events of this camera are not to be described",
        "nobody was asked",
        "Nothing to do, unless its registration should say otherwise",
    ),
    "policy_label": Sentence(
        "What the camera saw is none of the labels that are wanted of it",
        "nobody was asked",
        "Nothing to do, unless its registration should name more labels",
    ),
    "policy_zone": Sentence(
        "It happened in none of the zones that are wanted of this camera",
        "nobody was asked",
        "Nothing to do, unless its registration should name more zones",
    ),
    "policy_hours": Sentence(
        "It happened outside of the hours that are wanted of this camera",
        "nobody was asked",
        "Nothing to do, unless its registration should name other hours",
    ),
    "camera_removed": Sentence(
        "The camera is marked as removed",
        "nobody was asked",
        "Register the camera again if it is still in use",
    ),
    "nothing_to_see": Sentence(
        "The camera only reported that its connection changed",
        "nobody was asked, because there is no picture",
        "If it went offline and stays so, look at the camera",
    ),
}

CLIPS: Final[Mapping[ClipFailure, Sentence]] = {
    "no_clip_named": Sentence(
        "The event names no clip",
        "nothing was fetched",
        "If the camera records clips, let its system name them",
    ),
    "not_found": Sentence(
        "The clip is not there, or not any more",
        "we stopped asking for it",
        "Check that the recorder keeps clips until we fetch them",
    ),
    "forbidden": Sentence(
        "The clip lies where we must not read",
        "it was not fetched",
        "If the place is right, allow its folder or its host in the settings",
    ),
    "refused": Sentence(
        "The recorder did not let us have the clip",
        "we stopped asking for it",
        "Check the access that the address of the clip gives",
    ),
    "unreachable": Sentence(
        "The recorder could not be reached or failed",
        "we asked several times, then stopped",
        "Look at the recorder and at the network between it and the workers",
    ),
    "timed_out": Sentence(
        "The clip did not arrive in time",
        "we stopped waiting for it",
        "Look at the recorder and the network, or give clips more time",
    ),
    "empty": Sentence(
        "The clip is an empty file",
        "there was nothing to look at in it",
        "Look at the recorder",
    ),
    "too_large": Sentence(
        "The clip is larger than we take",
        "it was not fetched to its end",
        "Let the recorder make shorter clips, or raise the limit in the settings",
    ),
    "not_video": Sentence(
        "What came is no video",
        "there was nothing to look at in it",
        "Check that the address of the clip leads to the video itself and not to a page",
    ),
    "corrupt": Sentence(
        "The clip is damaged",
        "not one picture could be taken from it",
        "Look at the recorder",
    ),
    "decoder_failed": Sentence(
        "Taking pictures from the clip failed or took too much time or memory",
        "it was given up",
        "Keep the clip and report it",
    ),
}

FALLBACKS: Final[Mapping[FallbackReason, Sentence]] = {
    "clip_download_failed": Sentence(
        "The clip could not be used",
        "a still picture stood in for it",
        "See why there is no clip",
    ),
}

BEGUN: Final = Sentence(
    "A call began and never ended, because its worker died or was cut off",
    "the event was taken up again by another worker",
    "Nothing to do; whether the call was paid for, only the provider knows",
)
