"""The provider `gemini`, by Google's current SDK."""

from functools import partial
from typing import Final

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

PROFILE: Final = Profile(output_tokens_max=2_000)
"""Thinking comes out of the same cap."""


def gemini(account: Account, media: MediaStore) -> Remote:
    """Gemini, or what stands in for it at the account's address."""
    opens = partial(_opened, account)
    return Remote("gemini", account.model, PROFILE, media, opens, account.timeout_s)


def _opened(account: Account) -> Wire:
    from connectors.providers.wire import generate  # noqa: PLC0415  # the SDK takes 1 s to import

    return generate.opened(account)
