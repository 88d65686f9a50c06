"""The provider `anthropic`, which the order may call `claude`."""

from functools import partial
from typing import Final

from connectors.providers.remote import Account, Remote, Wire
from streams.ports import MediaStore
from streams.providers.ports import Profile

PROFILE: Final = Profile()


def anthropic(account: Account, media: MediaStore) -> Remote:
    """Anthropic, or what stands in for it at the account's address."""
    opens = partial(_opened, account)
    return Remote("anthropic", account.model, PROFILE, media, opens, account.timeout_s)


def _opened(account: Account) -> Wire:
    from connectors.providers.wire import messages  # noqa: PLC0415  # the SDK takes 3 s to import

    return messages.opened(account)
