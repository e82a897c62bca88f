"""Which objects a rendered manifest holds: their names, never their content.

A release's manifest is long (a chart's CRDs and dashboards) and holds Secrets. So it is not built into values: lines
that begin a top-level key tell apiVersion, kind and metadata. A document in another form (flow style, quoted keys, a
List, anchors) is read as a stream of YAML events, which keeps no values either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from shipkeeper.model.releases import ManifestObject
from shipkeeper.semantics.wire.raw import Wire

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DOCUMENT = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_TOP = re.compile(r"^([^\s#][^\n]*)$", re.MULTILINE)
_PLAIN = r"(?:\"([^\"\\\n]*)\"|'([^'\n]*)'|([A-Za-z0-9][^\s#&*!|>{}\[\],\"'%@`:]*(?::[^\s#\"']+)*))"
_ENTRY = re.compile(r"([A-Za-z][A-Za-z0-9]*):(?:[ \t]+" + _PLAIN + r")?[ \t]*(?:#.*)?$")
_META_ENTRY = re.compile(r"^( +)(name|namespace|generateName):[ \t]+" + _PLAIN + r"[ \t]*(?:#.*)?$", re.MULTILINE)
_FIRST_INDENT = re.compile(r"^( +)[^\s#]", re.MULTILINE)


class _Meta(Wire):
    name: str | None = None
    namespace: str | None = None


class _Object(Wire):
    api_version: str | None = None
    kind: str | None = None
    metadata: _Meta | None = None
    items: list[_Object] | None = None


_JSON = msgspec.json.Decoder(_Object)
_MOST_EVENTS = 200_000
_MOST_NAME = 300


def manifest_objects(manifest: str) -> Iterator[ManifestObject]:
    """Every object of a manifest, in its order. What is no object (a comment, half a document) is passed over."""
    for document in _DOCUMENT.split(manifest):
        if not document.strip():
            continue
        found = _by_lines(document)
        if found is not None:
            yield found
        else:
            yield from _by_json(document) or _by_events(document)


def _by_json(document: str) -> list[ManifestObject]:
    """The objects of a document that is JSON; none for any other."""
    if not document.lstrip().startswith("{"):
        return []
    try:
        whole = _JSON.decode(document)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []
    return [
        ManifestObject(item.api_version or "", item.kind, item.metadata.namespace or "", item.metadata.name)
        for item in (whole.items if whole.items is not None else [whole])
        if item.kind and item.metadata and item.metadata.name
    ]


def _by_lines(document: str) -> ManifestObject | None:
    """The object of a document in the form that nearly all have; None when it is in another one."""
    api_version = kind = name = namespace = ""
    places = list(_TOP.finditer(document))
    for index, place in enumerate(places):
        entry = _ENTRY.match(place.group(1))
        if entry is None:
            if place.group(1)[0] == "-" or place.group(1)[0].isalpha():
                continue  # a list's element, or a value that is not plain: it is of interest only if a name is missing
            return None
        key, value = entry.group(1), entry.group(2) or entry.group(3) or entry.group(4) or ""
        if key == "apiVersion":
            api_version = value
        elif key == "kind":
            kind = value
        elif key == "metadata":
            end = places[index + 1].start() if index + 1 < len(places) else len(document)
            name, namespace = _names(document[place.end() : end])
    if not (api_version and kind and name) or kind.endswith("List"):
        return None
    return ManifestObject(api_version, kind, namespace, name)


def _names(block: str) -> tuple[str, str]:
    """Name and namespace in the lines under ``metadata:``: only those of its own indentation are its own."""
    first = _FIRST_INDENT.search(block)
    own = first.group(1) if first else ""
    found: dict[str, str] = {}
    for entry in _META_ENTRY.finditer(block):
        if entry.group(1) == own:
            found.setdefault(entry.group(2), entry.group(3) or entry.group(4) or entry.group(5) or "")
    return found.get("name") or found.get("generateName", ""), found.get("namespace", "")


_PATHS = {
    ("apiVersion",): "api_version",
    ("kind",): "kind",
    ("metadata", "name"): "name",
    ("metadata", "generateName"): "name",
    ("metadata", "namespace"): "namespace",
}


def _by_events(document: str) -> Iterator[ManifestObject]:
    """Objects of one document by its YAML events: itself, or the items of a List."""
    whole: dict[str, str] = {}
    items: list[dict[str, str]] = []
    try:
        for number, (keys, value) in enumerate(_scalars(document)):
            if number > _MOST_EVENTS:
                return
            if keys[:1] == ("items",) and len(keys) > 2 and keys[1].startswith("#"):
                while len(items) <= int(keys[1][1:]):
                    items.append({})
                target, inside = items[int(keys[1][1:])], keys[2:]
            else:
                target, inside = whole, keys
            field = _PATHS.get(inside)
            if field:
                target.setdefault(field, value[:_MOST_NAME])
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    for found in items or [whole]:
        if found.get("kind") and found.get("name"):
            yield ManifestObject(found.get("api_version", ""), found["kind"], found.get("namespace", ""), found["name"])


class _Level:
    """A collection that is not closed yet."""

    __slots__ = ("count", "key", "mapping")

    def __init__(self, mapping: bool) -> None:
        self.mapping = mapping
        self.key: str | None = None
        self.count = -1


def _scalars(document: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every scalar value as (path, text); the elements of a list are ``#0``, ``#1`` and so on."""
    levels: list[_Level] = []

    def begin_value() -> None:
        if levels and not levels[-1].mapping:
            levels[-1].count += 1

    def end_value() -> None:
        if levels and levels[-1].mapping:
            levels[-1].key = None

    for event in yaml.parse(document, Loader=_LOADER):
        kind = type(event)
        top = levels[-1] if levels else None
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            begin_value()
            levels.append(_Level(kind is MappingStartEvent))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            levels.pop()
            end_value()
        elif kind is ScalarEvent or kind is AliasEvent:
            text = str(getattr(event, "value", ""))
            if top is not None and top.mapping and top.key is None:
                top.key = text
                continue
            begin_value()
            yield tuple((level.key or "") if level.mapping else f"#{level.count}" for level in levels), text
            end_value()
