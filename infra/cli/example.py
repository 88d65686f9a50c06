"""`./vidette example TYPE`: one valid event, ready for `./vidette publish -`."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from schemas.camera_events import CameraConnectionChanged, Sighting
from schemas.cameras import CameraRegistered
from schemas.codec import encode
from schemas.examples.stories import EXAMPLES
from schemas.inferences import InferenceResult


def example(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="As in `type` on the wire.")],
) -> None:
    """Prints one event as JSON; upstream words get a fresh id and happen now.

    Example: ./vidette example smart-detection | ./vidette publish -
    """
    word = EXAMPLES.get(type_)
    if word is None:
        typer.echo(f"no word is called {type_!r}; there are: {', '.join(EXAMPLES)}", err=True)
        raise typer.Exit(2)
    typer.echo(encode(of_now(word, datetime.now(UTC), str(uuid.uuid4()))).decode())


def of_now(word: msgspec.Struct, now: datetime, native_id: str) -> msgspec.Struct:
    """What an upstream system would say now; words that Vidette writes are left as they are."""
    match word:
        case Sighting(timestamp=began, ended_at=datetime() as ended):
            lasted = ended - began
            return msgspec.structs.replace(
                word, event_id=native_id, timestamp=now - lasted, ended_at=now
            )
        case Sighting() | CameraConnectionChanged():
            return msgspec.structs.replace(word, event_id=native_id, timestamp=now)
        case InferenceResult():
            return msgspec.structs.replace(word, result_id=native_id, timestamp=now)
        case CameraRegistered():
            return msgspec.structs.replace(word, timestamp=now)
        case _:
            return word
