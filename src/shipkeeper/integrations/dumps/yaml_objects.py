"""YAML as a stream of events, built into plain values without recursion, tags, or timestamps.

Built from events rather than with a loader for four reasons: a list's items come out one by one; what nobody may
read (environment, ConfigMap and Secret data, the last-applied annotation) is passed over before it becomes a value;
nodes are counted, with an alias counting as all it stands for; and an error names a line. Plain scalars resolve as in
YAML's core schema; times stay text, as the API server writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.model.errors import BadInput, Location

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]{1,2})?|[0-9]+[eE][-+]?[0-9]{1,2})")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset({_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null"})
_TEXT_TAGS = frozenset({"!", _TAG + "str", _TAG + "binary", _TAG + "timestamp"})
_COLLECTION_TAGS = frozenset({None, "!", _TAG + "map", _TAG + "seq"})

_UNREAD_LISTS = frozenset({"env", "envFrom", "managedFields"})
_UNREAD_MAPPINGS = frozenset({"data", "stringData", "binaryData"})
_UNREAD_TEXTS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_RECORD_KEY = "release"
_RECORD_STARTS = ("SDRzSUF", "H4sI")
"""How Helm's record of a release begins in a Secret (base64 twice over gzip) and in a ConfigMap (once)."""


class Node(Struct, frozen=True):
    """A value and the line on which it starts. ``item``: an element of the document's ``items``, which is then empty
    in the document itself; the document follows its items.
    """

    value: Any
    line: int
    item: bool = False


class _Open:
    """A collection that is not closed yet."""

    __slots__ = ("anchor", "key", "line", "nodes", "places", "value", "wants_key")

    def __init__(self, value: Any, line: int, nodes: int, anchor: str | None) -> None:
        self.value = value
        self.line = line
        self.nodes = nodes
        self.anchor = anchor
        self.key = ""
        self.wants_key = isinstance(value, dict)
        self.places: dict[str, tuple[int, int]] = {}
        """Line and column of each key, where keys must be given once."""


class _Builder:
    """State while events come in."""

    def __init__(self, place: str, limits: Limits, whole: bool, by_hand: bool) -> None:
        self.place = place
        self.limits = limits
        self.whole = whole
        self.by_hand = by_hand
        nothing: frozenset[str] = frozenset()
        self.unread_lists = nothing if whole else _UNREAD_LISTS
        self.unread_mappings = nothing if whole else _UNREAD_MAPPINGS
        self.open: list[_Open] = []
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.passing_over = 0
        self.passed_key: str | None = None
        self.record = ""
        self.finished: list[Node] = []

    def wrong(self, what: str, line: int, hint: str = "") -> BadInput:
        return BadInput(what, hint=hint, location=Location(self.place, line))

    def count(self, more: int, line: int) -> None:
        self.nodes += more
        if self.nodes > self.limits.nodes:
            raise self.wrong(
                f"one object has more than {self.limits.nodes} values, aliases counted in full", line,
                "a YAML alias bomb looks like this; a dump from kubectl has no aliases",
            )  # fmt: skip

    def scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self.count(1, line)
        top = self.open[-1] if self.open else None
        if top is not None and top.wants_key:
            if event.value == "<<" and not event.style:
                raise self.wrong("YAML merge keys (<<) are not read", line, "write the keys out, or give JSON")
            if self.by_hand:
                self.once(top, event)
            top.key, top.wants_key = event.value, False
            return
        if top is not None and top.key in _UNREAD_TEXTS:
            value: Any = ""
        elif event.tag is None:
            value = _resolve(event.value) if event.implicit[0] else event.value
        elif event.tag in _TEXT_TAGS:
            value = event.value
        elif event.tag in _RESOLVED_TAGS:
            value = _resolve(event.value)
        else:
            raise self.wrong(f"the YAML tag {event.tag} is not read", line)
        self.put(value, 1, line, event.anchor)

    def once(self, top: _Open, event: Any) -> None:
        """Refuse a key that its mapping has already."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        first = top.places.setdefault(event.value, (line, column))
        if first != (line, column):
            raise BadInput(
                f"{event.value!r} is given twice",
                hint=f"first given at {first[0]}:{first[1]}",
                location=Location(self.place, line, column),
            )

    def start(self, event: Any, value: Any) -> None:
        line = event.start_mark.line + 1
        self.count(1, line)
        top = self.open[-1] if self.open else None
        if event.tag not in _COLLECTION_TAGS:
            raise self.wrong(f"the YAML tag {event.tag} is not read", line)
        if top is not None and top.wants_key:
            raise self.wrong("a mapping's key is not a scalar", line)
        if top is not None and top.key in (self.unread_mappings if isinstance(value, dict) else self.unread_lists):
            self.passing_over = 1
            self.passed_key, self.record = None, ""
            return
        if len(self.open) >= self.limits.depth:
            raise self.wrong(f"it is nested deeper than {self.limits.depth} levels", line)
        self.open.append(_Open(value, line, self.nodes, event.anchor))

    def end(self) -> None:
        closed = self.open.pop()
        self.put(closed.value, max(1, self.nodes - closed.nodes + 1), closed.line, closed.anchor)

    def alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        top = self.open[-1] if self.open else None
        if top is not None and top.wants_key:
            raise self.wrong("a mapping's key is not a scalar", line)
        known = self.anchors.get(event.anchor)
        if known is None:
            if top is None or top.key not in self.unread_lists | self.unread_mappings:
                raise self.wrong(f"the alias *{event.anchor} stands for nothing readable", line)
            known = (None, 1)
        self.count(known[1], line)
        self.put(known[0], known[1], line, None)

    def put(self, value: Any, nodes: int, line: int, anchor: str | None) -> None:
        if anchor is not None:
            if len(self.anchors) >= self.limits.anchors:
                raise self.wrong(f"it has more than {self.limits.anchors} anchors", line)
            self.anchors[anchor] = (value, nodes)
        if not self.open:
            self.finished.append(Node(value, line))
            return
        top = self.open[-1]
        if isinstance(top.value, list):
            if (
                not self.whole
                and len(self.open) == 2
                and self.open[0].key == "items"
                and isinstance(self.open[0].value, dict)
            ):
                self.finished.append(Node(value, line, item=True))
                self.nodes = top.nodes = 0
            else:
                top.value.append(value)
            return
        top.wants_key = True
        if top.key not in _UNREAD_TEXTS:
            top.value[top.key] = value

    def pass_over(self, event: Any) -> None:
        """Build nothing, but for one value: the packed record of a Helm release under ``data``."""
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            self.passing_over += 1
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.passing_over -= 1
            if self.passing_over == 1:
                self.passed_key = None
            elif not self.passing_over:
                top = self.open[-1]
                top.wants_key = True
                if self.record and top.key == "data":
                    top.value["data"] = {_RECORD_KEY: self.record}
        elif self.passing_over == 1:
            self._passed(event)

    def _passed(self, event: Any) -> None:
        """A key or a value of the mapping that is passed over."""
        if self.passed_key is None:
            self.passed_key = getattr(event, "value", "")
            return
        text = getattr(event, "value", "")
        if self.passed_key == _RECORD_KEY and text.startswith(_RECORD_STARTS):
            self.record = text
        self.passed_key = None

    def new_document(self) -> None:
        self.nodes = 0
        self.anchors = {}


def yaml_nodes(
    data: bytes, place: str, limits: Limits, *, whole: bool = False, by_hand: bool = False
) -> Iterator[Node]:
    """Documents of a YAML stream, each after the elements of its ``items``. Raises BadInput with line and column.

    ``whole``: nothing is passed over and ``items`` stay where they are; for files that are no dumps of a cluster.
    ``by_hand``: a key given twice is a mistake; elsewhere the last one holds, as for kubectl and Helm.
    """
    builder = _Builder(place, limits, whole, by_hand)
    try:
        for event in yaml.parse(data, Loader=_LOADER):
            kind = type(event)
            if builder.passing_over:
                builder.pass_over(event)
            elif kind is ScalarEvent:
                builder.scalar(event)
            elif kind is MappingStartEvent:
                builder.start(event, {})
            elif kind is SequenceStartEvent:
                builder.start(event, [])
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                builder.end()
            elif kind is AliasEvent:
                builder.alias(event)
            elif kind is DocumentStartEvent or kind is DocumentEndEvent:
                builder.new_document()
            if builder.finished:
                yield from builder.finished
                builder.finished.clear()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = error.problem or error.context or "it cannot be read"
        raise BadInput(f"it is not readable YAML: {problem}", location=Location(place, line, column)) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise BadInput(f"it is not readable YAML: {_first_line(error)}", location=Location(place)) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _resolve(text: str) -> Any:
    """A plain scalar by YAML's core schema; numbers out of range stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789-+.":
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text
