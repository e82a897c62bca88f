"""Schemas compared and checked, against what the jsonschema library says of generated schemas and objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.classing.schema_check import matches, violations
from shipkeeper.assessment.classing.schema_diff import compare_schemas
from tests.classing.schemas import changed, fits, schemas, values

TEXT = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _kinds(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(change.kind, change.path, change.weight) for change in compare_schemas(old, new)]


@given(schemas().flatmap(lambda s: st.tuples(st.just(s), values(s) | schemas(1).flatmap(values))))
def test_an_object_fits_where_the_library_says_so(pair):
    schema, value = pair
    found = list(violations(schema, value))
    assert not any(item.unsure for item in found)
    assert (not found) == fits(schema, value), f"{value} against {schema}: {found}"


@given(schemas())
def test_a_schema_does_not_differ_from_itself(schema):
    assert compare_schemas(schema, schema) == ()


@given(schemas().flatmap(lambda s: st.tuples(st.just(s), changed(s), values(s))))
def test_no_object_is_lost_that_no_change_warned_of(triple):
    old, new, value = triple
    if not fits(old, value) or fits(new, value):
        return
    found = [change for change in compare_schemas(old, new) if change.weight == "breaking"]
    assert found, f"{value} fitted {old}, does not fit {new}, and nobody was told"


@given(schemas())
def test_what_only_allows_more_breaks_nothing(schema):
    assert [c for c in compare_schemas(schema, _relaxed(schema)) if c.weight == "breaking"] == []


def _relaxed(schema: dict[str, Any]) -> dict[str, Any]:
    """No bounds, nothing required, one more field everywhere."""
    kept = ("type", "items", "properties", "additionalProperties", "anyOf")
    new = {key: value for key, value in schema.items() if key in kept or key.startswith("x-")}
    new["nullable"] = True
    if isinstance(new.get("items"), dict):
        new["items"] = _relaxed(new["items"])
    if isinstance(new.get("additionalProperties"), dict):
        new["additionalProperties"] = _relaxed(new["additionalProperties"])
    if "properties" in new:
        new["properties"] = {name: _relaxed(inner) for name, inner in new["properties"].items()}
        if "x-kubernetes-preserve-unknown-fields" not in new:
            new["properties"]["another"] = {"type": "string", "enum": ["x"]}
    return new


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (_object(a=TEXT), _object(), ("property-removed", "$.a", "breaking")),
        (
            _object(a=TEXT),
            {**_object(), "x-kubernetes-preserve-unknown-fields": True},
            ("property-undeclared", "$.a", "risky"),
        ),
        (_object(a=TEXT), _object(a={"type": "integer"}), ("type-changed", "$.a", "breaking")),
        (_object(a={"type": "integer"}), _object(a={"type": "number"}), None),
        (_object(a=TEXT), _object(a={"x-kubernetes-int-or-string": True}), None),
        (_object(a={"x-kubernetes-int-or-string": True}), _object(a=TEXT), ("type-changed", "$.a", "breaking")),
        (
            _object(a={**TEXT, "enum": ["x", "y"]}),
            _object(a={**TEXT, "enum": ["y", "z"]}),
            ("enum-value-removed", "$.a", "breaking"),
        ),
        (_object(a=TEXT), {**_object(a=TEXT), "required": ["a"]}, ("required-added", "$.a", "breaking")),
        (
            _object(a={**TEXT, "default": "x"}),
            {**_object(a={**TEXT, "default": "x"}), "required": ["a"]},
            ("required-added", "$.a", "note"),
        ),
        (_object(a=TEXT), _object(a={**TEXT, "maxLength": 3}), ("bound-tightened", "$.a", "breaking")),
        (_object(a={**TEXT, "maxLength": 3}), _object(a={**TEXT, "maxLength": 4}), None),
        (_object(a=TEXT), _object(a={**TEXT, "pattern": "^a"}), ("pattern-changed", "$.a", "breaking")),
        (
            _object(a=TEXT),
            {**_object(a=TEXT), "x-kubernetes-validations": [{"rule": "self.a != ''", "message": "a is needed"}]},
            ("rule-added", "$", "breaking"),
        ),
        (
            _object(a={"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
            _object(a={"type": "object"}),
            ("unknown-fields-dropped", "$.a", "breaking"),
        ),
        (
            _object(a={**TEXT, "default": "x"}),
            _object(a={**TEXT, "default": "y"}),
            ("default-changed", "$.a", "risky"),
        ),
        (
            _object(a={"type": "array", "items": TEXT}),
            _object(a={"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}),
            ("list-type-changed", "$.a", "risky"),
        ),
        (
            _object(a={**TEXT, "format": "date"}),
            _object(a={**TEXT, "format": "date-time"}),
            ("format-changed", "$.a", "breaking"),
        ),
        (
            _object(a={"type": "array", "items": _object(b=TEXT)}),
            _object(a={"type": "array", "items": _object()}),
            ("property-removed", "$.a[*].b", "breaking"),
        ),
        (
            _object(a={"type": "object", "additionalProperties": _object(b=TEXT)}),
            _object(a={"type": "object", "additionalProperties": _object(b={"type": "boolean"})}),
            ("type-changed", "$.a.*.b", "breaking"),
        ),
    ],
)
def test_each_comparator(old, new, found):
    assert _kinds(old, new) == ([found] if found else [])


def test_another_description_is_no_change():
    old = _object(a={**TEXT, "description": "before", "anyOf": [{"description": "x", "minLength": 1}]})
    new = _object(a={**TEXT, "description": "after", "anyOf": [{"description": "y", "minLength": 1}]})
    assert compare_schemas(old, new) == ()


@pytest.mark.parametrize("pattern", [r"\p{L}+", "[[:alpha:]]", "(a+)+$", "(?i:a", r"a\Qb"])
def test_a_pattern_that_python_reads_otherwise_is_not_guessed_at(pattern):
    assert matches(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!") is None


def test_a_schema_without_end_is_named_not_followed():
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(400):
        schema = {"type": "object", "properties": {"a": schema}}
    assert [change.kind for change in compare_schemas(schema, schema)] == ["not-compared"]
    value: Any = {}
    for _ in range(400):
        value = {"a": value}
    assert [(item.kind, item.unsure) for item in violations(schema, value)] == [("not-compared", True)]
