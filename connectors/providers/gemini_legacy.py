"""The provider `gemini_legacy`: Gemini by `google-generativeai`, which Google ended on 2025-11-30.

The SDK is the extra `gemini-legacy`, in an environment of its own: see docs/providers.md.
"""

from functools import partial
from typing import Final

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

PROFILE: Final = Profile(output_tokens_max=2_000)
"""Thinking comes out of the same cap, and can't be switched off here."""


def gemini_legacy(account: Account, media: MediaStore) -> Remote:
    """Gemini, or what stands in for it at the account's address."""
    opens = partial(_opened, account)
    return Remote("gemini_legacy", account.model, PROFILE, media, opens, account.timeout_s)


def _opened(account: Account) -> Wire:
    from connectors.providers.wire import generate_legacy  # noqa: PLC0415  # an extra

    return generate_legacy.opened(account)
