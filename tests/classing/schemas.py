"""Structural schemas, objects that fit them, changes of them; and the same schema for the jsonschema library."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import strategies as st

KEEP = "x-kubernetes-preserve-unknown-fields"
NAMES = ("a", "b", "c", "d-e")
WORDS = ("", "x", "aa", "abc", "Audit", "é")
PATTERNS = ("^a", "[a-z]+$", "^.{2,3}$")
small = st.integers(-3, 6)


def _some(draw, schema: dict[str, Any], **parts: st.SearchStrategy[Any]) -> dict[str, Any]:
    for name, strategy in parts.items():
        if draw(st.integers(0, 3)) == 0:
            schema[name] = draw(strategy)
    return schema


@st.composite
def schemas(draw, depth: int = 3) -> dict[str, Any]:
    kinds = ["string", "integer", "number", "boolean", "either"] + (["object"] * 4 + ["array"] * 2) * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    if kind == "either":
        schema: dict[str, Any] = {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
        }
    else:
        schema = {"type": kind}
    if draw(st.integers(0, 5)) == 0:
        schema["nullable"] = True
    count = st.integers(0, 3)
    if kind == "string":
        some = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True)
        _some(draw, schema, enum=some, minLength=count, maxLength=count, pattern=st.sampled_from(PATTERNS))
    elif kind in ("integer", "number"):
        _some(draw, schema, minimum=small, maximum=small, multipleOf=st.sampled_from([1, 2, 3]))
        _some(draw, schema, enum=st.lists(small, min_size=1, max_size=4, unique=True))
    elif kind == "array":
        schema["items"] = draw(schemas(depth - 1))
        _some(draw, schema, minItems=count, maxItems=count, uniqueItems=st.booleans())
    elif kind == "object":
        _fields(draw, schema, depth)
        _some(draw, schema, minProperties=count, maxProperties=count)
    return schema


def _fields(draw, schema: dict[str, Any], depth: int) -> None:
    how = draw(st.sampled_from(["closed", "closed", "closed", "map", "keeps", "anything"]))
    if how == "map":
        schema["additionalProperties"] = draw(schemas(depth - 1))
        return
    if how == "anything":
        schema["additionalProperties"] = True
        return
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    schema["properties"] = {name: draw(schemas(depth - 1)) for name in names}
    schema["required"] = draw(st.lists(st.sampled_from(names), max_size=2, unique=True)) if names else []
    if how == "keeps":
        schema[KEEP] = True


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that mostly fit."""
    kind = schema.get("type", "either")
    if kind == "object":
        known = {name: values(inner) for name, inner in schema.get("properties", {}).items()}
        required = {name: known.pop(name) for name in schema.get("required", ()) if name in known}
        fixed = st.fixed_dictionaries(required, optional=known)
        if "properties" not in schema or schema.get(KEEP):
            more = schema.get("additionalProperties")
            inner = values(more) if isinstance(more, dict) else st.sampled_from(["x", 1, None, {"a": 1}])
            extra = st.dictionaries(st.sampled_from(("y", "z", *NAMES)), inner, max_size=2)
            fixed = st.builds(lambda a, b: {**b, **a}, fixed, extra)
        found: st.SearchStrategy[Any] = fixed
    elif kind == "array":
        found = st.lists(values(schema["items"]), max_size=3)
    elif "enum" in schema:
        found = st.sampled_from(schema["enum"])
    else:
        found = {
            "string": st.sampled_from(WORDS),
            "integer": small,
            "number": small | st.sampled_from([0.5, 2.0]),
            "boolean": st.booleans(),
            "either": small | st.sampled_from(WORDS),
        }[kind]
    return found | st.none() if schema.get("nullable") else found


@st.composite
def changed(draw, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with something else in one or more places of it."""
    choice = draw(st.integers(0, 9))
    if choice == 0:
        return draw(schemas(1))
    new = dict(schema)
    if choice == 1:
        return {
            key: value for key, value in new.items() if key in ("type", "items", "properties", "anyOf") or "x-" in key
        }
    if choice == 2:
        fresh = draw(schemas(1).filter(lambda s: s.get("type") == schema.get("type")))
        return {**fresh, **{k: v for k, v in schema.items() if draw(st.booleans())}}
    if choice == 3:
        new.pop(KEEP, None)
        if "properties" in new:
            new.pop("additionalProperties", None)
    if choice == 4 and schema.get("type") == "string":
        new["pattern"] = draw(st.sampled_from(PATTERNS))
    if "items" in new:
        new["items"] = draw(changed(new["items"]))
    if isinstance(new.get("additionalProperties"), dict):
        new["additionalProperties"] = draw(changed(new["additionalProperties"]))
    if "properties" in new:
        new["properties"] = {
            name: draw(changed(inner)) if draw(st.booleans()) else inner
            for name, inner in new["properties"].items()
            if draw(st.integers(0, 4))
        }
        new["required"] = [name for name in NAMES if name in new["properties"] and draw(st.integers(0, 3)) == 0]
    return new


def fits(schema: dict[str, Any], value: Any) -> bool:
    """What the jsonschema library says, of a server that would refuse what it does not know rather than prune it."""
    return bool(jsonschema.Draft202012Validator(_plain(schema)).is_valid(value))


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if not key.startswith("x-") and key != "nullable"}
    if plain.get("additionalProperties") is True:
        plain["additionalProperties"] = {"not": {"type": "object", "minProperties": 1}}
    for key in ("items", "additionalProperties"):
        if isinstance(plain.get(key), dict):
            plain[key] = _plain(plain[key])
    if "properties" in plain:
        plain["properties"] = {name: _plain(inner) for name, inner in plain["properties"].items()}
    kind = schema.get("type")
    if kind == "object" and "additionalProperties" not in plain and not schema.get(KEEP):
        plain["additionalProperties"] = False
    return {"anyOf": [{"type": "null"}, plain]} if schema.get("nullable") else plain
