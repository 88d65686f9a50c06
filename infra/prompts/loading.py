"""The prompts: one file per kind of event and version, the newest version counts."""

import re
from pathlib import Path
from typing import Final

from streams.providers.prompts import Prompts, PromptText, PromptUnusable

FOLDER: Final = Path(__file__).resolve().parent
NAME: Final = re.compile(r"(?P<kind>[a-z]{1,32})-(?P<number>[0-9]{1,6})")
BYTES_MAX: Final = 16_384


def prompts(folder: Path = FOLDER) -> Prompts:
    """All of a folder: `KIND-NUMBER.txt`. Raises PromptUnusable, which names the file."""
    newest: dict[str, tuple[int, PromptText]] = {}
    try:
        files = sorted(folder.glob("*.txt"))
        for file in files:
            named = NAME.fullmatch(file.stem)
            if named is None or file.stat().st_size > BYTES_MAX:
                text = f"{file}: is to be named KIND-NUMBER.txt and have at most {BYTES_MAX} bytes"
                raise PromptUnusable(text)
            kind, number = named["kind"], int(named["number"])
            if number > newest.get(kind, (-1, None))[0]:
                newest[kind] = (number, PromptText(file.stem, file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        text = f"{folder}: the prompts can't be read: {error}"
        raise PromptUnusable(text) from error
    return Prompts({kind: text for kind, (_, text) in newest.items()})
