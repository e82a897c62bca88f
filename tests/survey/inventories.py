"""Hypothesis strategies for whole inventories: every drawer, every kind of field."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.pods import Pod
from shipkeeper.model.table import PodTable

small = st.integers(0, 2**40)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=6)
_PHASES = st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"])


def of_type(wanted: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a model type, field by field, as msgspec sees it."""
    if isinstance(wanted, inspect.StructType):
        return of_struct(wanted.cls)
    if isinstance(wanted, inspect.UnionType):
        return st.one_of([of_type(item) for item in wanted.types])
    if isinstance(wanted, inspect.VarTupleType):
        return st.lists(of_type(wanted.item_type), max_size=2).map(tuple)
    if isinstance(wanted, inspect.TupleType):
        return st.tuples(*(of_type(item) for item in wanted.item_types))
    if isinstance(wanted, inspect.DictType):
        return st.dictionaries(of_type(wanted.key_type), of_type(wanted.value_type), max_size=2)
    if isinstance(wanted, inspect.LiteralType):
        return st.sampled_from(wanted.values)
    simple: dict[type, st.SearchStrategy[Any]] = {
        inspect.IntType: small,
        inspect.FloatType: st.floats(0, 10),
        inspect.StrType: words,
        inspect.BoolType: st.booleans(),
        inspect.NoneType: st.none(),
    }
    return simple[type(wanted)]


def of_struct(cls: type) -> st.SearchStrategy[Any]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    if cls is Pod:
        # What a table's columns hold: a phase of the API, and no resourceVersion.
        fields = {f.name: of_type(f.type) for f in info.fields if f.name not in ("phase", "resource_version")}
        return st.builds(Pod, **fields, phase=_PHASES)
    return st.builds(cls, **{field.name: st.deferred(lambda t=field.type: of_type(t)) for field in info.fields})


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Any inventory."""
    info = inspect.type_info(Inventory)
    assert isinstance(info, inspect.StructType)
    values: dict[str, Any] = {"pods": PodTable.of(draw(st.lists(of_struct(Pod), max_size=4)))}
    filled = draw(st.sets(st.sampled_from([field.name for field in info.fields]), max_size=6))
    for field in info.fields:
        if field.name != "pods" and (field.required or field.name in filled):
            values[field.name] = draw(of_type(field.type))
    return Inventory(**values)


def same(one: Inventory, other: Inventory) -> bool:
    """Equal in everything; pods as values, and as columns."""
    plain = [name for name in one.__struct_fields__ if name != "pods"]
    if any(getattr(one, name) != getattr(other, name) for name in plain):
        return False
    columns = all((one.pods.columns[name] == other.pods.columns[name]).all() for name in one.pods.columns)
    return (
        columns
        and list(one.pods) == list(other.pods)
        and msgspec.to_builtins(one.pods.rare) == msgspec.to_builtins(other.pods.rare)
    )
