"""Which changes of a published schema break somebody: pure, over what we publish of JSON Schema.

An upstream system goes on writing by the old schema, so the new one must take whatever the old one
took. A consumer goes on reading by the old schema, so it must take whatever we write by the new
one; and the log is kept, so the new one must take whatever we wrote by the old. No field vanishes.
"""

from collections.abc import Iterator
from typing import TypeAlias, cast

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Schema = dict[str, Json]

LOWER = ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")
SAME = ("pattern", "format", "not")
INSIDE = ("items", "additionalProperties", "propertyNames")


def breaks(old: Schema, new: Schema, *, written_by_us: bool) -> list[str]:
    """What breaks when `new` is published in place of `old`; nothing when nobody notices."""
    found = [f"{path}: removed" for path in sorted(fields(old) - fields(new))]
    if written_by_us:
        found += [f"consumers: {text}" for text in refused(new, by=old)]
        found += [f"replay: {text}" for text in refused(closed(old), by=closed(new))]
    else:
        found += [f"upstream: {text}" for text in refused(old, by=new)]
    return found


def refused(values: Schema, *, by: Schema) -> list[str]:
    """Why some value that is valid under `values` is not valid under `by`."""
    return list(Comparison(values, by).refusals(values, by, "$"))


def fields(schema: Schema) -> set[str]:
    """Every field that a schema names, by definition and name."""
    parts = {"$": schema, **_part(schema.get("$defs"))}
    return {
        f"{name}.{field}"
        for name, part in parts.items()
        for field in _part(cast("Schema", part).get("properties"))
    }


def closed(schema: Schema) -> Schema:
    """The schema as of today: without the branches that leave room for later versions."""
    return cast("Schema", _closed(schema))


def _closed(node: Json) -> Json:
    if isinstance(node, list):
        later = [isinstance(i, dict) and str(i.get("$comment")).startswith("open") for i in node]
        return [_closed(item) for item, is_later in zip(node, later, strict=True) if not is_later]
    if isinstance(node, dict):
        return {key: _closed(value) for key, value in node.items()}
    return node


class Comparison:
    """Walks two schemas side by side; each resolves its own references."""

    def __init__(self, values: Schema, by: Schema) -> None:
        self._values = values
        self._by = by
        self._under_way: set[tuple[str, str]] = set()

    def refusals(self, a: Json, b: Json, path: str) -> Iterator[str]:
        """Why `b` refuses something that `a` allows."""
        if b is True or a is False or b == {}:
            return
        if not isinstance(a, dict) or not isinstance(b, dict):
            yield f"{path}: {a} became {b}"
            return
        pair = (str(a.get("$ref", id(a))), str(b.get("$ref", id(b))))
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        yield from self._of(_resolved(a, self._values), _resolved(b, self._by), path)
        self._under_way.discard(pair)

    def _of(self, a: Schema, b: Schema, path: str) -> Iterator[str]:
        if "anyOf" in a or "anyOf" in b:
            for option in _options(a):
                tried = [list(self.refusals(option, other, path)) for other in _options(b)]
                if all(tried):
                    yield min(tried, key=len)[0]
            return
        yield from _narrower(a, b, path)
        yield from self._fields(a, b, path)
        for key in INSIDE:
            if key in b:
                yield from self.refusals(a.get(key, True), b[key], f"{path}[{key}]")
        if "prefixItems" in b:
            ours, theirs = a.get("prefixItems"), b["prefixItems"]
            if not isinstance(ours, list) or not isinstance(theirs, list):
                yield f"{path}: became a tuple"
                return
            for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
                yield from self.refusals(one, other, f"{path}[{number}]")

    def _fields(self, a: Schema, b: Schema, path: str) -> Iterator[str]:
        for name in _list(b.get("required")):
            if name not in _list(a.get("required")):
                yield f"{path}.{name}: is required"
        ours = _part(a.get("properties"))
        for name, wanted in _part(b.get("properties")).items():
            # An unknown field says nothing yet, so one that is new and optional refuses nothing.
            if name in ours:
                yield from self.refusals(ours[name], wanted, f"{path}.{name}")


def _narrower(a: Schema, b: Schema, path: str) -> Iterator[str]:
    if "enum" in b:
        left = [value for value in _list(a.get("enum")) if value not in _list(b["enum"])]
        if left or "enum" not in a:
            yield f"{path}: {left or 'any value'} is no longer among {b['enum']}"
    elif "type" in b and a.get("type") != b["type"] and not _all_of_type(a, b["type"]):
        yield f"{path}: type {a.get('type', 'any')} became {b['type']}"
    for key in LOWER:
        if key in b and (key not in a or _number(a[key]) < _number(b[key])):
            yield f"{path}: {key} {a.get(key)} became {b[key]}"
    for key in UPPER:
        if key in b and (key not in a or _number(a[key]) > _number(b[key])):
            yield f"{path}: {key} {a.get(key)} became {b[key]}"
    for key in SAME:
        if key in b and a.get(key) != b[key]:
            yield f"{path}: {key} {a.get(key)} became {b[key]}"


def _all_of_type(a: Schema, wanted: Json) -> bool:
    if "enum" in a:
        return wanted == "string" and all(isinstance(value, str) for value in _list(a["enum"]))
    return a.get("type") == "integer" and wanted == "number"


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    return cast("Schema", _part(root.get("$defs"))[reference.removeprefix("#/$defs/")])


def _options(schema: Schema) -> list[Json]:
    return _list(schema.get("anyOf")) if "anyOf" in schema else [schema]


def _part(value: Json) -> Schema:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(value: Json) -> float:
    assert isinstance(value, int | float)
    return value
