"""The provider `grok`: xAI, who speaks OpenAI's wire and says no in words of its own."""

from functools import partial
from typing import Final

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

PROFILE: Final = Profile(retries=2, retry_wait_s=0.5, retries_all=True)


def grok(account: Account, media: MediaStore) -> Remote:
    """Grok, or what stands in for it at the account's address."""
    opens = partial(_opened, account)
    return Remote("grok", account.model, PROFILE, media, opens, account.timeout_s)


def _opened(account: Account) -> Wire:
    from connectors.providers.wire import chat  # noqa: PLC0415  # the SDK takes 1.5 s to import

    # Without `store: false` a request with pictures may fail (xAI's page on image understanding).
    return chat.opened(account, chat.Style(detail="high", store=False))
