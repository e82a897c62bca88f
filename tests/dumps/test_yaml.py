"""Our YAML builder against PyYAML's own loader, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.yaml_objects import yaml_nodes
from shipkeeper.model.errors import BadInput

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**59), 2**59) | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4), max_leaves=20
)


def load(data: bytes, **limits: int) -> list[Any]:
    return [node.value for node in yaml_nodes(data, "x.yaml", Limits(**limits)) if not node.item]


@given(st.dictionaries(words.filter(lambda key: key not in ("items", "data", "env")), values, max_size=5))
def test_reads_what_pyyaml_writes(value: dict[str, Any]) -> None:
    for flow in (True, False):
        text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True).encode()
        [read] = load(text)
        assert read == yaml.safe_load(text) == value or _has_unread(value)


def _has_unread(value: Any) -> bool:
    if isinstance(value, dict):
        unread = {"data", "stringData", "binaryData", "env", "envFrom", "managedFields"}
        return bool(unread & value.keys()) or any(_has_unread(item) for item in value.values())
    return isinstance(value, list) and any(_has_unread(item) for item in value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02", "2026-01-02"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ("on", "on"),
        ("1_000", "1_000"),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("-7", -7),
        (".5", 0.5),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("100m", "100m"),
        ("~", None),
        ("", None),
        ("True", True),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("-", "-"),
        ("+", "+"),
    ],
)
def test_plain_scalars_resolve_as_in_the_core_schema(text: str, value: Any) -> None:
    assert load(f"a: {text}\n".encode() if text != "-" else b"a: '-'\n") == [{"a": value}]


def test_items_come_one_by_one_before_their_document() -> None:
    nodes = list(yaml_nodes(b"kind: L\nitems:\n- {a: 1}\n- 2\nx: y\n", "x", Limits()))
    assert [(node.value, node.item, node.line) for node in nodes] == [
        ({"a": 1}, True, 3),
        (2, True, 4),
        ({"kind": "L", "items": [], "x": "y"}, False, 1),
    ]


def test_several_documents_and_an_alias() -> None:
    assert load(b"a: &x {b: [1, 2]}\nc: *x\n---\n- 1\n---\n") == [
        {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}},
        [1],
        None,
    ]


def test_what_nobody_may_read_never_becomes_a_value() -> None:
    text = b"""
data: {password: s3cr3t}
stringData: {password: s3cr3t}
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: s3cr3t
    other: kept
  managedFields: [{manager: s3cr3t}]
  labels: {env: kept, data: kept}
spec:
  containers:
  - env: [{name: TOKEN, value: s3cr3t}]
    envFrom: [{secretRef: {name: s3cr3t}}]
    image: kept
  shared: &e [1]
  env: *e
"""
    [value] = load(text)
    assert "s3cr3t" not in repr(value)
    assert value["metadata"]["labels"] == {"env": "kept", "data": "kept"}, "a label may be called env"
    assert value["metadata"]["annotations"] == {"other": "kept"}
    assert value["spec"]["containers"] == [{"image": "kept"}]


@pytest.mark.parametrize(
    ("text", "told", "line"),
    [
        ("a: [1", "not readable YAML", 2),
        ("a: b: c", "not readable YAML", 1),
        ("x: 1\na: *nothing\n", "alias \\*nothing", 2),
        ("a: &x [*x]\n", "alias \\*x", 1),
        ("a:\n  <<: {b: 1}\n", "merge keys", 2),
        ("a: !!python/object/apply:os.system [ls]\n", "tag", 1),
        ("a: !custom 1\n", "tag !custom", 1),
        ("? [1, 2]\n: x\n", "key is not a scalar", 1),
        ("a: &k b\n? *k\n: x\n", "key is not a scalar", 2),
        ("a: \x07\n", "not readable YAML", 0),
    ],
)
def test_what_is_refused_is_refused_with_its_line(text: str, told: str, line: int) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        load(text.encode())
    assert caught.value.location is not None
    assert (caught.value.location.file, caught.value.location.line) == ("x.yaml", line)


def test_an_alias_bomb_is_stopped_by_what_it_would_become() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(BadInput, match="aliases counted in full"):
        load("\n".join(lines).encode())


def test_items_by_alias_count_too() -> None:
    text = b"a: &a [1,2,3,4,5,6,7,8,9]\nitems:\n" + b"- [*a, *a, *a]\n" * 100
    with pytest.raises(BadInput, match="more than 20 values"):
        load(text, nodes=20)


@given(st.integers(101, 5_000))
def test_depth_is_bounded(depth: int) -> None:
    with pytest.raises(BadInput):
        load(b"a: " + b"[" * depth + b"]" * depth)
    block = "".join(f"{' ' * i}a:\n" for i in range(depth % 300 + 101))
    with pytest.raises(BadInput, match="nested deeper"):
        load(block.encode())
