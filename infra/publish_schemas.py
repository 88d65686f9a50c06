"""Writes what others read of our words: JSON Schemas, examples and the AsyncAPI document.

Everything is generated from `schemas/` and `streams/topics.py` and checked in under
`schemas/published/`; a test compares. The schemas of words that Vidette writes are left open where
a later version may say more (another reason in an enumeration, another kind of event inside), so
that a consumer which validates does not break on it. Those of upstream systems' words are closed:
what they refuse, we refuse.
"""

import json
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.async_api import async_api
from infra.settings import ROOT
from schemas.codec import encode
from schemas.event import Written, tag
from schemas.examples.stories import EXAMPLES

Schema = dict[str, Any]

PUBLISHED: Final = ROOT / "schemas" / "published"
FROZEN: Final = ROOT / "tests" / "histories" / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """The text of every published file, by its name."""
    files: dict[str, str] = {}
    for name, example in EXAMPLES.items():
        files[f"{name}.schema.json"] = _text(schema(type(example)))
        files[f"{name}.example.json"] = _text(msgspec.json.decode(encode(example)))
    files["asyncapi.json"] = _text(async_api())
    return files


def schema(word: type[msgspec.Struct]) -> Schema:
    """The JSON Schema (2020-12) of one word, self-contained."""
    _, parts = msgspec.json.schema_components([word], ref_template="#/$defs/{name}")
    written = issubclass(word, Written)
    shaped = {name: _shaped(part, written=written) for name, part in parts.items()}
    own: Schema = shaped.pop(word.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:vidette:schema:{tag(word)}"}
    return head | own | ({"$defs": shaped} if shaped else {})


def publish(folder: Path = PUBLISHED) -> list[str]:
    """Writes what differs, removes what is no longer published; returns the names of both."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def stale(folder: Path = PUBLISHED) -> list[str]:
    """Names of files that are missing, differ or should not be there."""
    wanted = documents()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(n for n in wanted.keys() | there.keys() if wanted.get(n) != there.get(n))


def freeze(version: str, folder: Path = FROZEN) -> Path:
    """Keeps today's schemas as those of a release, against which later ones are compared.

    Raises FileExistsError: what was released is never written again.
    """
    frozen = folder / version
    frozen.mkdir(parents=True)
    for name, text in documents().items():
        if name.endswith(".schema.json"):
            (frozen / name).write_text(text, encoding="utf-8")
    return frozen


def _shaped(node: Any, *, written: bool) -> Any:  # noqa: ANN401  # JSON, as msgspec gives it
    """A schema as published: `discriminator` (OpenAPI's, not JSON Schema's) left out, opened."""
    if isinstance(node, list):
        return [_shaped(item, written=written) for item in node]
    if isinstance(node, str):
        return cleandoc(node)  # docstrings come indented from Python 3.12 and older
    if not isinstance(node, dict):
        return node
    kept = {
        key: value if key == "default" else _shaped(value, written=written)
        for key, value in node.items()
        if key != "discriminator"
    }
    if written and "discriminator" in node:
        kept["anyOf"].append(_of_a_later_kind(node["discriminator"]["mapping"]))
    if written and isinstance(node.get("properties"), dict):
        kept["properties"] = dict(_opened(kept["properties"]))
    return kept


def _opened(properties: Schema) -> Iterator[tuple[str, Schema]]:
    """Enumerations made open; the tag of a word stays what it is."""
    for name, about in properties.items():
        options = about.get("anyOf", [])
        if name != "type" and "enum" in about:
            yield name, {"anyOf": [{"enum": about["enum"]}, LATER]} | _without(about, "enum")
        elif any("enum" in option for option in options):
            yield name, about | {"anyOf": [*options, LATER]}
        else:
            yield name, about


LATER: Final[Schema] = {"type": "string", "$comment": "open: a later version may say more"}


def _of_a_later_kind(known: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"type": {"type": "string", "not": {"enum": list(known)}}},
        "required": ["type"],
        "$comment": "open: an event of a kind that came later",
    }


def _without(schema_: Schema, key: str) -> Schema:
    return {name: value for name, value in schema_.items() if name != key}


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
