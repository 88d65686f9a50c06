"""How Google's servers say no: the same body, whichever SDK hands it over."""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.providers.wire.meanings import Refused, duration_s

BLOCKED: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    }
)
"""Reasons for ending that take the answer away."""


class _Violation(msgspec.Struct):
    quota: str = msgspec.field(name="quotaId", default="")


class _Detail(msgspec.Struct):
    """One of several kinds (`RetryInfo`, `QuotaFailure`, `ErrorInfo`): what each has of these."""

    reason: str = ""
    retry: str = msgspec.field(name="retryDelay", default="")
    violations: list[_Violation] = []


class _Error(msgspec.Struct):
    message: str = ""
    status: str | None = None
    details: list[_Detail] = []


class _Body(msgspec.Struct):
    error: _Error


def refused(body: object, status: int, headers: Mapping[str, str], text: str) -> Refused:
    """What the body says, in our words; `text` stands in for one that is none of Google's.

    The quota that ran out and the reason are named in details only, and so is the wait.
    """
    try:
        said = msgspec.convert(body, _Body).error
    except msgspec.ValidationError:
        return Refused(text, status, headers=headers)
    named = [detail.reason for detail in said.details]
    named += [found.quota for detail in said.details for found in detail.violations]
    waits = [duration_s(detail.retry) for detail in said.details]
    return Refused(
        " ".join(filter(None, (said.message, *named))),
        status,
        said.status,
        headers,
        retry_after_s=max((wait for wait in waits if wait is not None), default=None),
    )
