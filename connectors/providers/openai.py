"""The provider `openai`."""

import re
from functools import partial
from typing import Final

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

PROFILE: Final = Profile(output_tokens_max=2_000)
"""Reasoning comes out of the same cap."""

_DOES_NOT_REASON: Final = re.compile(r"(?:ft:)?(?:chatgpt|gpt)-[1-4]")
"""These refuse to be told how much to reason."""


def openai(account: Account, media: MediaStore) -> Remote:
    """OpenAI, or what stands in for it at the account's address."""
    opens = partial(_opened, account)
    return Remote("openai", account.model, PROFILE, media, opens, account.timeout_s)


def _opened(account: Account) -> Wire:
    from connectors.providers.wire import chat  # noqa: PLC0415  # the SDK takes 1.5 s to import

    reasons = not _DOES_NOT_REASON.match(account.model)
    style = chat.Style(effort="low" if reasons else None, detail="high", store=False)
    return chat.opened(account, style)
