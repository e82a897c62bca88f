"""Two versions of a structural schema, compared for what a valid object of the old one may meet in the new one.

Paths are JSON paths of a pattern: ``[*]`` stands for every element of a list, ``.*`` for every key of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from shipkeeper.model.untyped import mapping, sequence

Schema = Mapping[str, Any]

DEEPEST = 100
"""Levels of a schema that are compared; no real one comes near."""

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
RULES = "x-kubernetes-validations"
COMBINATORS = ("allOf", "anyOf", "oneOf", "not")

CHECKED_FORMATS = frozenset(
    {"date-time", "datetime", "date", "byte", "uuid", "uuid3", "uuid4", "uuid5", "ipv4", "ipv6", "cidr", "mac", "uri",
     "email", "hostname", "duration", "hexcolor", "rgbcolor", "creditcard", "bsonobjectid", "isbn", "isbn10", "isbn13",
     "ssn"}
)  # fmt: skip
"""Formats of text that the API server checks; others it only documents."""

_LEAST = ("minimum", "minLength", "minItems", "minProperties")
_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
_LIST_TYPES = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type")
_LIST_DEFAULTS: Mapping[str, Any] = {"x-kubernetes-list-type": "atomic", "x-kubernetes-map-type": "granular"}
_WIDENS = {("integer", "number")}


class SchemaChange(Struct, frozen=True, kw_only=True):
    """One difference. ``kind`` is what was compared; ``weight`` breaking, risky or note, whoever it reaches."""

    kind: str
    path: str
    text: str
    weight: str = "breaking"
    detail: Any = None
    """What is looked for in stored objects: the removed values of an enum, say."""


def compare_schemas(old: Schema, new: Schema, root: str = "$") -> tuple[SchemaChange, ...]:
    """Every difference that can break something, in the schema's order."""
    return tuple(_compare(old, new, root, 0))


def _compare(old: Schema, new: Schema, path: str, depth: int) -> Iterator[SchemaChange]:
    if depth > DEEPEST:
        text = f"the schema is nested deeper than {DEEPEST} levels and was not compared below this"
        yield SchemaChange(kind="not-compared", path=path, text=text, weight="risky")
        return
    changed = _type(old, new, path)
    if changed is not None:
        yield changed
        if changed.weight == "breaking":
            yield from _nullable(old, new, path)
            return  # what is below no longer means the same
    for comparator in _COMPARATORS:
        yield from comparator(old, new, path)
    yield from _openness(old, new, path)
    yield from _children(old, new, path, depth)


def _children(old: Schema, new: Schema, path: str, depth: int) -> Iterator[SchemaChange]:
    before, after = mapping(old.get("properties")), mapping(new.get("properties"))
    for name, schema in before.items():
        inside = f"{path}{key_path(name)}"
        if name in after:
            yield from _compare(mapping(schema), mapping(after[name]), inside, depth + 1)
        elif (general := additional(new)) is not None:
            yield from _compare(mapping(schema), general, f"{path}.*", depth + 1)
        elif is_open(new):
            text = "the field is no longer declared: what stands there is kept, and no longer checked"
            yield SchemaChange(kind="property-undeclared", path=inside, text=text, weight="risky")
        else:
            text = "the field is gone: what objects hold there is dropped when they are next written"
            yield SchemaChange(kind="property-removed", path=inside, text=text)
    yield from _newly_declared(old, new, path, depth)
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from _compare(old["items"], new["items"], f"{path}[*]", depth + 1)
    elif isinstance(new.get("items"), Mapping) and _restricts(new["items"]):
        text = "elements are now checked against a schema; before, anything was accepted"
        yield SchemaChange(kind="type-changed", path=f"{path}[*]", text=text)
    more, fewer = additional(old), additional(new)
    if more is not None and fewer is not None:
        yield from _compare(more, fewer, f"{path}.*", depth + 1)
    elif old.get(PRESERVE) is True and fewer is not None and not fewer.get(PRESERVE):
        text = "values of the map are now checked against a schema; before, anything was accepted"
        if not _restricts(fewer):
            text = "of values that are objects the content was kept, and is dropped now"
        yield SchemaChange(kind="type-changed", path=f"{path}.*", text=text)


def _newly_declared(old: Schema, new: Schema, path: str, depth: int) -> Iterator[SchemaChange]:
    """Where any field was accepted, a field that is declared now is a restriction of what objects may hold there."""
    if not is_open(old):
        return
    before = mapping(old.get("properties"))
    general = additional(old)
    for name, schema in mapping(new.get("properties")).items():
        if name in before or not _restricts(mapping(schema)):
            continue
        inside = f"{path}{key_path(name)}"
        if general is not None and not old.get(PRESERVE):
            yield from _compare(general, mapping(schema), inside, depth + 1)
        else:
            text = "the field is now checked against a schema; before, anything was accepted there"
            yield SchemaChange(kind="type-changed", path=inside, text=text)


def _type(old: Schema, new: Schema, path: str) -> SchemaChange | None:
    before, after = kind_of(old), kind_of(new)
    if before == after or (before, after) in _WIDENS or (after == INT_OR_STRING and before in ("integer", "string")):
        return None
    if not after:
        text = f"the type was {before}; now anything is accepted"
        return SchemaChange(kind="type-widened", path=path, text=text, weight="note")
    told = f"was {before}" if before else "was free"
    return SchemaChange(kind="type-changed", path=path, text=f"the type {told} and is {after}")


def _nullable(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    if old.get("nullable") is True and new.get("nullable") is not True and kind_of(new):
        text = "null was accepted and is not any more"
        yield SchemaChange(kind="null-refused", path=path, text=text)


def _format(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = old.get("format"), new.get("format")
    if before == after or not after or (before, after) == ("int32", "int64"):
        return
    checked = after in CHECKED_FORMATS or after in ("int32", "int64")
    told = f"was {before}" if before else "was free"
    weight = "breaking" if checked else "note"
    yield SchemaChange(kind="format-changed", path=path, text=f"the format {told} and is {after}", weight=weight)


def _enum(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = old.get("enum"), new.get("enum")
    if not isinstance(after, list):
        return
    if not isinstance(before, list):
        text = f"any value was accepted; now only {_listed(after)}"
        yield SchemaChange(kind="enum-value-removed", path=path, text=text)
        return
    gone = [value for value in before if value not in after]
    if gone:
        several = "values are" if len(gone) > 1 else "value is"
        yield SchemaChange(
            kind="enum-value-removed", path=path, text=f"the {several} no longer accepted: {_listed(gone)}", detail=gone
        )


def _required(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before = sequence(old.get("required"))
    properties = mapping(new.get("properties"))
    for name in sequence(new.get("required")):
        if name in before:
            continue
        inside = f"{path}{key_path(name)}"
        default = "default" in mapping(properties.get(name))
        if default:
            text = "the field is now required; the API server fills its default in where it is missing"
            yield SchemaChange(kind="required-added", path=inside, text=text, weight="note")
        else:
            yield SchemaChange(kind="required-added", path=inside, text="the field is now required, without a default")


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    for name in (*_LEAST, *_MOST):
        before, after = _number(old.get(name)), _number(new.get(name))
        if after is None:
            continue
        lower = name in _LEAST
        if lower and before is None and after == 0 and name != "minimum":
            continue  # a length is never negative
        if before is None or (after > before if lower else after < before):
            told = f"was {before}" if before is not None else "was free"
            yield SchemaChange(kind="bound-tightened", path=path, text=f"{name} {told} and is {after}")
    for name in ("exclusiveMinimum", "exclusiveMaximum"):
        if new.get(name) is True and old.get(name) is not True:
            bound = name.removeprefix("exclusive").lower()
            text = f"the {bound} itself is no longer accepted"
            yield SchemaChange(kind="bound-tightened", path=path, text=text)
    before, after = _number(old.get("multipleOf")), _number(new.get("multipleOf"))
    if after is not None and before != after and (before is None or before % after):
        yield SchemaChange(kind="bound-tightened", path=path, text=f"must now be a multiple of {after}")
    if new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
        yield SchemaChange(kind="bound-tightened", path=path, text="elements must now differ from one another")


def _pattern(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before, after = old.get("pattern"), new.get("pattern")
    if after and before != after:
        how = "another pattern" if before else "a pattern"
        yield SchemaChange(kind="pattern-changed", path=path, text=f"text must now match {how}: {after}")


def _combinators(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    for name in COMBINATORS:
        if name in new and _bare(old.get(name)) != _bare(new[name]) and not _is_int_or_string(new, name):
            how = "changed" if name in old else "is new"
            text = f"the condition {name} {how}; which objects it refuses cannot be told from the schema alone"
            yield SchemaChange(kind="condition-changed", path=path, text=text)


def _rules(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    before = {_rule_text(rule) for rule in sequence(old.get(RULES))}
    for rule in sequence(new.get(RULES)):
        text = _rule_text(rule)
        if text and text not in before:
            message = mapping(rule).get("message")
            told = f" ({message})" if isinstance(message, str) and message else ""
            yield SchemaChange(kind="rule-added", path=path, text=f"a new validation rule{told}: {_short(text)}")


def _default(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    absent = object()
    before, after = old.get("default", absent), new.get("default", absent)
    if before == after and type(before) is type(after):
        return
    if before is absent:
        text = f"where nothing is said, {_short(repr(after))} is now filled in"
    elif after is absent:
        text = f"the default {_short(repr(before))} is gone"
    else:
        text = f"the default was {_short(repr(before))} and is {_short(repr(after))}"
    yield SchemaChange(kind="default-changed", path=path, text=text, weight="risky", detail=old.get("default"))


def _lists(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    for name in _LIST_TYPES:
        otherwise = _LIST_DEFAULTS.get(name)
        before, after = old.get(name, otherwise), new.get(name, otherwise)
        if before != after:
            word = name.removeprefix("x-kubernetes-")
            text = f"{word} was {_told(before)} and is {_told(after)}: server-side apply merges and owns it otherwise"
            yield SchemaChange(kind="list-type-changed", path=path, text=text, weight="risky")


def _openness(old: Schema, new: Schema, path: str) -> Iterator[SchemaChange]:
    """Fields that nobody declared were kept, and are pruned now."""
    if is_open(old) and not is_open(new):
        if kind_of(new) not in ("", "object"):
            return
        text = "fields that the schema does not declare were kept and are dropped now"
        yield SchemaChange(kind="unknown-fields-dropped", path=path, text=text)


_COMPARATORS: tuple[Callable[[Schema, Schema, str], Iterator[SchemaChange]], ...] = (
    _nullable,
    _format,
    _enum,
    _required,
    _bounds,
    _pattern,
    _combinators,
    _rules,
    _default,
    _lists,
)


def kind_of(schema: Schema) -> str:
    """The type; ``x-kubernetes-int-or-string`` counts as one; empty where any is accepted."""
    if schema.get(INT_OR_STRING) is True:
        return INT_OR_STRING
    kind = schema.get("type")
    return kind if isinstance(kind, str) else ""


def is_open(schema: Schema) -> bool:
    """Whether fields are kept that its properties don't name."""
    return schema.get(PRESERVE) is True or additional(schema) is not None


def additional(schema: Schema) -> Schema | None:
    """The schema of values under keys that properties don't name; None where there may be none.

    ``additionalProperties: true`` accepts any value, and yet prunes what is inside of objects: nothing declares it.
    """
    more = schema.get("additionalProperties")
    return more if isinstance(more, Mapping) else {} if more is True else None


def key_path(name: str) -> str:
    """A key as the next step of a JSON path."""
    plain = name.replace("_", "a").replace("-", "a").isalnum()
    return f".{name}" if plain else f"['{name}']"


def _restricts(schema: Schema) -> bool:
    """Whether it refuses anything at all."""
    said = {key for key in schema if key not in ("description", "title", "example", "externalDocs", PRESERVE)}
    return bool(said)


def _is_int_or_string(schema: Schema, name: str) -> bool:
    """The pair of types that says int-or-string once more."""
    return name == "anyOf" and schema.get(INT_OR_STRING) is True


def _bare(value: Any) -> Any:
    """The condition without the words that describe it."""
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items() if key != "description" or isinstance(item, Mapping)}
    return value


def _rule_text(rule: Any) -> str:
    return str(mapping(rule).get("rule") or "")


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _listed(values: list[Any]) -> str:
    return _short(", ".join(str(value) for value in values))


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value) if value else "unset"


def _short(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
