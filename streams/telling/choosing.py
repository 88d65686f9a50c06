"""Which sentence belongs to an attempt or an outcome, as the log or the read model has it."""

from collections.abc import Mapping
from typing import Final, Literal

from schemas.attempts import ErrorClass, NotAskedReason, ProviderAttempted
from schemas.clips import ClipNotWanted, ClipUnavailable
from schemas.outcomes import Degraded, Described, Skipped, Undescribed
from streams.telling.sentences import (
    BEGUN,
    CLIPS,
    ERRORS,
    FALLBACKS,
    NOT_ASKED,
    SKIPPED,
    UNDESCRIBED,
    Sentence,
)

_REASONS: Final[Mapping[str, Sentence]] = dict([*UNDESCRIBED.items(), *SKIPPED.items()])
_FALLBACKS: Final[Mapping[str, Sentence]] = dict([*FALLBACKS.items()])


def of_word(word: object) -> Sentence | None:
    """Of any word of the log; None when there is nothing to explain."""
    match word:
        case ProviderAttempted():
            return of_attempt(word.status, word.not_asked, word.error_class)
        case ClipUnavailable():
            return CLIPS[word.reason]
        case ClipNotWanted():
            return SKIPPED[word.reason]
        case Described():
            return of_outcome(None, word.fallback_reason)
        case Degraded() | Undescribed() | Skipped():
            return of_outcome(word.reason, None)
        case _:
            return None


def of_attempt(
    status: Literal["begun", "answered", "failed", "skipped"],
    not_asked: NotAskedReason | None,
    error_class: ErrorClass | None,
) -> Sentence | None:
    """None when there is nothing to explain: it answered.

    A decision not to ask counts before the failure that it came of.
    """
    if status == "answered":
        return None
    if status == "begun":
        return BEGUN
    if not_asked is not None:
        return NOT_ASKED[not_asked]
    return ERRORS[error_class] if error_class is not None else None


def of_outcome(reason: str | None, fallback_reason: str | None) -> Sentence | None:
    """None when there is nothing to explain: it was described as it should be."""
    if reason is not None:
        return _REASONS.get(reason)
    return _FALLBACKS.get(fallback_reason) if fallback_reason is not None else None
