"""Whether an object fits a structural schema, and where it does not. CEL rules are not evaluated, and formats only
where what they mean is beyond doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from shipkeeper.assessment.classing.schema_diff import (
    CHECKED_FORMATS,
    INT_OR_STRING,
    PRESERVE,
    Schema,
    additional,
    is_open,
    key_path,
    kind_of,
)
from shipkeeper.model.untyped import mapping, sequence

DEEPEST = 100


class Violation(Struct, frozen=True):
    """A place in an object that a schema does not take. ``at`` is the place, ``path`` its pattern in the schema.

    ``pruned``: the field is not refused but dropped. ``unsure``: whether it fits cannot be told here.
    """

    kind: str
    at: str
    path: str
    unsure: bool = False


class _Here(Struct, frozen=True):
    """Where a walk is: the place in the object, and the pattern of it in the schema."""

    at: str
    path: str
    depth: int = 0

    def key(self, name: str, pattern: str = "") -> _Here:
        return _Here(f"{self.at}{key_path(name)}", f"{self.path}{pattern or key_path(name)}", self.depth + 1)

    def item(self, index: int) -> _Here:
        return _Here(f"{self.at}[{index}]", f"{self.path}[*]", self.depth + 1)

    def wrong(self, kind: str, *, unsure: bool = False) -> Violation:
        return Violation(kind, self.at, self.path, unsure)


def violations(schema: Schema, value: Any, root: str = "$") -> Iterator[Violation]:
    """Every place at which the value does not fit, in the value's order."""
    return _check(schema, value, _Here(root, root))


def _check(schema: Schema, value: Any, here: _Here) -> Iterator[Violation]:
    if here.depth > DEEPEST:
        yield here.wrong("not-compared", unsure=True)
        return
    if value is None:
        # The API server drops a null where it is not allowed and a default stands ready, and refuses it elsewhere.
        if schema.get("nullable") is not True and kind_of(schema) and "default" not in schema:
            yield here.wrong("null-refused")
        return
    if not _is_of(value, kind_of(schema)):
        yield here.wrong("type-changed")
        return
    if "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"] or ()):
        yield here.wrong("enum-value-removed")
    yield from _conditions(schema, value, here)
    if isinstance(value, str):
        yield from _text(schema, value, here)
    elif isinstance(value, Mapping):
        yield from _object(schema, value, here)
    elif isinstance(value, list):
        yield from _list(schema, value, here)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _amount(schema, value, here)


def _object(schema: Schema, value: Mapping[str, Any], here: _Here) -> Iterator[Violation]:
    properties = mapping(schema.get("properties"))
    for name in sequence(schema.get("required")):
        if name not in value and "default" not in mapping(properties.get(name)):
            yield here.key(name).wrong("required-added")
    more = additional(schema)
    for name, item in value.items():
        if name in properties:
            yield from _check(mapping(properties[name]), item, here.key(name))
        elif more is not None:
            yield from _check(more, item, here.key(name, ".*"))
        elif not is_open(schema):
            yield here.key(name).wrong("property-removed")
    yield from _count(schema, len(value), "Properties", here)


def _list(schema: Schema, value: list[Any], here: _Here) -> Iterator[Violation]:
    items = schema.get("items")
    if isinstance(items, Mapping) or not schema.get(PRESERVE):
        for index, item in enumerate(value):
            yield from _check(mapping(items), item, here.item(index))
    yield from _count(schema, len(value), "Items", here)
    if schema.get("uniqueItems") is True and any(_same(a, b) for i, a in enumerate(value) for b in value[:i]):
        yield here.wrong("bound-tightened")


def _text(schema: Schema, value: str, here: _Here) -> Iterator[Violation]:
    yield from _count(schema, len(value), "Length", here)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        fits = matches(pattern, value)
        if not fits:
            yield here.wrong("pattern-changed", unsure=fits is None)
    check = _FORMATS.get(str(schema.get("format") or ""))
    if check is not None and not check(value):
        yield here.wrong("format-changed")
    elif check is None and schema.get("format") in CHECKED_FORMATS:
        yield here.wrong("format-changed", unsure=True)


def _amount(schema: Schema, value: int | float, here: _Here) -> Iterator[Violation]:
    for name, sign in (("minimum", 1), ("maximum", -1)):
        bound = schema.get(name)
        if isinstance(bound, int | float):
            above = (value - bound) * sign
            exclusive = schema.get(f"exclusive{name.capitalize()}") is True
            if above < 0 or (above == 0 and exclusive):
                yield here.wrong("bound-tightened")
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step and value % step:
        yield here.wrong("bound-tightened")
    limits = _RANGES.get(str(schema.get("format") or ""))
    if limits is not None and isinstance(value, int) and not limits[0] <= value <= limits[1]:
        yield here.wrong("format-changed")


def _count(schema: Schema, count: int, of: str, here: _Here) -> Iterator[Violation]:
    least, most = schema.get(f"min{of}"), schema.get(f"max{of}")
    if (isinstance(least, int) and count < least) or (isinstance(most, int) and count > most):
        yield here.wrong("bound-tightened")


def _conditions(schema: Schema, value: Any, here: _Here) -> Iterator[Violation]:
    """allOf, anyOf, oneOf, not: each either holds, does not, or cannot be told."""
    verdicts: list[bool | None] = [_fits(part, value) for part in sequence(schema.get("allOf"))]
    if schema.get("anyOf") and schema.get(INT_OR_STRING) is not True:
        verdicts.append(_any(_fits(part, value) for part in schema["anyOf"]))
    if schema.get("oneOf"):
        each = [_fits(part, value) for part in schema["oneOf"]]
        verdicts.append(None if None in each and each.count(True) < 2 else each.count(True) == 1)
    if "not" in schema:
        inner = _fits(schema["not"], value)
        verdicts.append(None if inner is None else not inner)
    if False in verdicts:
        yield here.wrong("condition-changed")
    elif None in verdicts:
        yield here.wrong("condition-changed", unsure=True)


def _fits(schema: Any, value: Any) -> bool | None:
    """Whether a value meets a condition. Fields it does not name are no matter: nothing is pruned by a condition."""
    found = list(_check({**mapping(schema), PRESERVE: True}, value, _Here("$", "$")))
    found = [item for item in found if item.kind != "property-removed"]
    if any(not item.unsure for item in found):
        return False
    return None if found else True


def _any(each: Iterator[bool | None]) -> bool | None:
    known = list(each)
    return True if True in known else None if None in known else False


def matches(pattern: str, text: str) -> bool | None:
    """Whether a Go regular expression finds something in the text; None where it is not one that we can read."""
    if _NOT_GO.search(pattern) or len(text) > _LONGEST or text.endswith("\n"):
        return None
    try:
        return re.search(pattern.replace(r"\z", r"\Z"), text, re.ASCII) is not None
    except (re.error, RecursionError, OverflowError):
        return None


_NOT_GO = re.compile(r"\\[pPCQ]|\[\[:|\(\?[^:imsP]|[*+?}]\+|\(.*[*+]\)[*+{]")
"""What means something else to Python, or would let it search for ever."""
_LONGEST = 10_000


def _is_of(value: Any, kind: str) -> bool:
    if kind == INT_OR_STRING:
        return isinstance(value, str) or _is_whole(value)
    check = _TYPES.get(kind)
    return check is None or check(value)


def _is_whole(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}

_RANGES = {"int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1)}

_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})")
_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": lambda text: _DATE_TIME.fullmatch(text) is not None,
    "date": lambda text: re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None,
    "byte": lambda text: len(text) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text) is not None,
    "uuid": lambda text: re.fullmatch(r"(?i)[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", text) is not None,
}


def _same(value: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(_same(a, b) for a, b in zip(value, other, strict=True))
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return value.keys() == other.keys() and all(_same(item, other[key]) for key, item in value.items())
    return bool(value == other)
