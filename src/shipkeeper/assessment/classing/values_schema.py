"""A chart's ``values.schema.json`` against the keys and types that a user sets: what Helm will refuse.

Values themselves are not here, so enums, patterns and bounds are not checked; whoever asks is told which there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shipkeeper.model.untyped import mapping, sequence

_MOST_REFS = 20
_DEEPEST = 60
_JSON_TYPES = {"map": "object", "list": "array"}
_CONDITIONS = ("allOf", "anyOf", "oneOf", "not", "if", "dependencies", "dependentRequired", "dependentSchemas")
_OF_VALUES = ("enum", "const", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


def refusals(
    schema: Mapping[str, Any] | None, defaults: Any, mine: Mapping[tuple[str, ...], str]
) -> Iterator[tuple[str, str, str]]:
    """(kind, key, words) of everything that Helm's check of the schema will refuse, whatever the values are."""
    if schema is not None:
        yield from _walk(schema, schema, _tree(mine), defaults, "", 0)


def declares(schema: Mapping[str, Any] | None, steps: tuple[str, ...]) -> bool:
    """Whether a schema names a key, so that a chart's defaults need not."""
    node: Mapping[str, Any] | None = _resolved(schema, schema) if schema is not None else None
    for step in steps:
        if node is None or schema is None:
            return False
        inner = node.get("items") if step == ITEMS else mapping(node.get("properties")).get(step)
        if inner is None:
            inner = node.get("additionalProperties")
            if inner is True or (isinstance(inner, Mapping) and not inner):
                return True
        node = _resolved(schema, inner)
    return node is not None


def unchecked(schema: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Keywords in a schema that only values could be checked against, or that are not evaluated here."""
    found: set[str] = set()
    waiting: list[tuple[Any, bool]] = [(schema or {}, False)]
    while waiting:
        node, names = waiting.pop()
        if isinstance(node, Mapping):
            found.update(key for key in node if not names and key in (*_CONDITIONS, *_OF_VALUES))
            waiting.extend((item, not names and key in _NAMED) for key, item in node.items())
        elif isinstance(node, list):
            waiting.extend((item, False) for item in node)
    return tuple(sorted(found))


_NAMED = ("properties", "definitions", "$defs", "patternProperties")
"""Keywords whose keys are names of the user's, not keywords."""


def _walk(
    root: Mapping[str, Any], schema: Any, tree: Any, defaults: Any, path: str, depth: int
) -> Iterator[tuple[str, str, str]]:
    node = _resolved(root, schema)
    if node is None or depth > _DEEPEST:
        return
    if isinstance(tree, str):
        yield from _leaf(node, tree, path)
        return
    if ITEMS in tree:
        for inner in tree[ITEMS]:
            yield from _walk(root, node.get("items"), inner, None, f"{path}[]", depth + 1)
        return
    properties = mapping(node.get("properties"))
    closed = node.get("additionalProperties") is False and "patternProperties" not in node
    for key, inner in tree.items():
        inside = f"{path}.{key}" if path else key
        below = mapping(defaults).get(key)
        if key in properties:
            yield from _walk(root, properties[key], inner, below, inside, depth + 1)
        elif closed:
            yield "value-refused", inside, "the chart's schema does not know the key: Helm refuses the upgrade"
        elif isinstance(node.get("additionalProperties"), Mapping):
            yield from _walk(root, node["additionalProperties"], inner, below, inside, depth + 1)
    known = {*tree, *mapping(defaults)}
    if path == "" or isinstance(defaults, Mapping):
        for key in sequence(node.get("required")):
            if key not in known:
                inside = f"{path}.{key}" if path else str(key)
                yield "value-required", inside, "the chart's schema requires it, and neither you nor the chart sets it"


ITEMS = "[]"


def _leaf(node: Mapping[str, Any], kind: str, path: str) -> Iterator[tuple[str, str, str]]:
    allowed = node.get("type")
    allowed = [allowed] if isinstance(allowed, str) else allowed if isinstance(allowed, list) else []
    here = _JSON_TYPES.get(kind, kind)
    # Helm leaves out what is set to null before it looks.
    if not allowed or here in allowed or here in ("null", "unknown") or (here == "integer" and "number" in allowed):
        return
    wanted = " or ".join(map(str, allowed))
    yield "value-type-refused", path, f"the chart's schema wants {wanted}, and {here} is set: Helm refuses the upgrade"


def _resolved(root: Mapping[str, Any], schema: Any) -> Mapping[str, Any] | None:
    """The schema behind local references; None for one elsewhere, or none at all."""
    for _ in range(_MOST_REFS):
        if not isinstance(schema, Mapping):
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        if not reference.startswith("#/"):
            return None
        schema = root
        for step in reference.removeprefix("#/").split("/"):
            schema = mapping(schema).get(step.replace("~1", "/").replace("~0", "~"))
    return None


def _tree(mine: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    """Keys as a tree. Elements of a list become trees of their own under ``[]``: all that are seen, as one each."""
    tree: dict[str, Any] = {}
    for steps, kind in mine.items():
        here = tree
        for step in steps[:-1]:
            below = here.setdefault(step, {})
            here = below if isinstance(below, dict) else {}
        if steps:
            here.setdefault(steps[-1], kind)
    return _listed(tree)


def _listed(tree: dict[str, Any]) -> dict[str, Any]:
    made = {key: _listed(item) if isinstance(item, dict) else item for key, item in tree.items()}
    return {ITEMS: [made[ITEMS]]} if ITEMS in made else made
