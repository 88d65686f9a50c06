"""How a record that can't be processed becomes a letter; large values go to the media store."""

from typing import Final

from streams.dead_letters import Rejected, letter, too_large
from streams.lanes import Encoded
from streams.ports import MediaStore
from streams.records import Record

DETAIL_MAX: Final = 1000


def failed(error: BaseException) -> Rejected:
    """The verdict about a record whose agent raised this."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  # an error that can't even be told is told by its name
        said = "(its text can't be had)"
    return Rejected("agent_failed", f"{type(error).__name__}: {said}"[:DETAIL_MAX])


async def write_letter(step: str, record: Record, why: Rejected, media: MediaStore) -> Encoded:
    """The letter; if its value can't be kept, this raises: we stop rather than drop."""
    if too_large(record) and record.value is not None:
        return letter(step, record, why, await media.put(record.value))
    return letter(step, record, why)
