"""Where a setting's value comes from: the line that says it, or the default, with what it means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as shapes

from shipkeeper.app.field_docs import field_docs, first_sentence
from shipkeeper.app.platform_file import Parsed
from shipkeeper.app.platform_yaml import Path as KeyPath
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record

FILE, DEFAULT = "file", "default"
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_NAMES = ("name", "id", "component")
"""What an item of a list may be called by in a key."""


class Explained(Record, frozen=True, kw_only=True):
    """One setting. ``source``: file or default; ``location`` is FILE:LINE:COLUMN where it is from the file."""

    key: str
    value: Any
    source: str
    location: str = ""
    meaning: str = ""
    kind: str = ""
    below: tuple[str, ...] = ()
    """Settings below it, where it is a group."""


def explain(parsed: Parsed, key: str) -> Explained:
    """Explain a key such as ``environments.production.clusters.prod.drain.reserve`` or ``people[0].roles``.

    Items of lists go by number or by name. Raises UsageProblem for a key that there is not, naming the nearest.
    """
    parts = [name or int(number) for name, number in _PART.findall(key)]
    if not parts:
        raise UsageProblem("no key is given", hint="for example: shipkeeper config explain notices.major")
    value: Any = parsed.platform
    kind: shapes.Type = shapes.type_info(Platform)
    meaning = first_sentence(Platform)
    path: KeyPath = ()
    for part in parts:
        kind = _bare(kind)
        value, kind, said, step = _step(value, kind, part, key)
        meaning = said or meaning
        path = (*path, step)
    return _told(parsed, key, path, value, _bare(kind), meaning)


def _told(parsed: Parsed, key: str, path: KeyPath, value: Any, kind: shapes.Type, meaning: str) -> Explained:
    place = parsed.places.get(path)
    below: tuple[str, ...] = ()
    if isinstance(kind, shapes.StructType):
        below = tuple(field.encode_name for field in kind.fields)
    elif isinstance(value, dict):
        below = tuple(value)
    elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        below = tuple(_name_of(item) or f"[{index}]" for index, item in enumerate(value))
    return Explained(
        key=key,
        value=msgspec.to_builtins(value),
        source=FILE if place is not None else DEFAULT,
        location=str(place) if place is not None else "",
        meaning=meaning,
        kind=_word(kind),
        below=below,
    )


def _step(value: Any, kind: shapes.Type, part: str | int, key: str) -> tuple[Any, shapes.Type, str, str | int]:
    """(value, type, meaning, path element) one step down."""
    if isinstance(kind, shapes.StructType):
        for field in kind.fields:
            if part in (field.encode_name, field.name):
                said = field_docs(kind.cls).get(field.name, "") or _of_struct(field.type)
                return getattr(value, field.name), field.type, said or first_sentence(kind.cls), field.encode_name
        raise _no_such(key, part, [field.encode_name for field in kind.fields])
    if isinstance(kind, shapes.DictType):
        if isinstance(part, str) and part in value:
            return value[part], kind.value_type, "", part
        raise _no_such(key, part, list(value))
    if isinstance(kind, shapes.VarTupleType):
        for index, item in enumerate(value):
            if part == index or (isinstance(part, str) and part in (_name_of(item), str(index))):
                return item, kind.item_type, _of_struct(kind.item_type), index
        raise _no_such(key, part, [_name_of(item) or str(index) for index, item in enumerate(value)])
    raise UsageProblem(f"{key!r} goes deeper than there is anything", hint="leave the last part out")


def _of_struct(kind: shapes.Type) -> str:
    """The words of the struct that a setting, or each item of its list, is."""
    bare = _bare(kind)
    if isinstance(bare, shapes.VarTupleType):
        bare = _bare(bare.item_type)
    return first_sentence(bare.cls) if isinstance(bare, shapes.StructType) else ""


def _no_such(key: str, part: str | int, known: Sequence[str]) -> UsageProblem:
    close = difflib.get_close_matches(str(part), known, n=1)
    return UsageProblem(
        f"there is no {part!r} in {key!r}",
        hint=f"did you mean {close[0]}?" if close else f"there is: {', '.join(known) or 'nothing'}",
    )


def _name_of(item: Any) -> str:
    return next((str(getattr(item, name)) for name in _NAMES if hasattr(item, name)), "")


def _bare(kind: shapes.Type) -> shapes.Type:
    if isinstance(kind, shapes.UnionType):
        return next(one for one in kind.types if not isinstance(one, shapes.NoneType))
    return kind


def _word(kind: shapes.Type) -> str:
    if isinstance(kind, shapes.StructType):
        return "settings"
    if isinstance(kind, shapes.VarTupleType | shapes.TupleType):
        return "list"
    words = {"StrType": "text", "IntType": "whole number", "BoolType": "true or false", "FloatType": "number"}
    return words.get(type(kind).__name__, "names with values")


def load_parsed(path: str | None, cwd: Path) -> Parsed:
    """The platform file with the place of every value; without one the defaults. Raises as ``load_platform``."""
    from shipkeeper.app.platform_file import find_platform, parse_file

    found = Path(path) if path is not None else find_platform(cwd)
    return Parsed(Platform(), {}) if found is None else parse_file(found)
