"""Documents in, objects out: lists taken apart, kinds found, JSON and YAML alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.yaml_objects import Node, yaml_nodes
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.semantics.wire.reader import malformed, without_collector

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_LOGS = re.compile(rb"^==== START logs.*?^==== END logs[^\n]*$", re.MULTILINE | re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_BLANK = re.compile(rb"[ \t\r\n]*")


class Head(msgspec.Struct, rename="camel", gc=False):
    """What every object tells of itself."""

    api_version: str | None = None
    kind: str | None = None
    metadata: HeadMeta | None = None


class HeadMeta(msgspec.Struct, gc=False):
    """The part of metadata that names an object."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None


class _Document(Head):
    """An object or a list."""

    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


class Found(msgspec.Struct):
    """An object. ``kind`` and ``api_version`` are empty when neither it nor its list tells them.

    ``index`` is its place in its list, -1 outside one; ``line`` is known for YAML.
    """

    api_version: str
    kind: str
    meta: HeadMeta
    data: bytes | msgspec.Raw
    file: str
    line: int = 0
    index: int = -1

    @property
    def location(self) -> Location:
        """Where it was."""
        return Location(self.file, self.line)


class ListHead(msgspec.Struct):
    """A list was there, however many items it had. ``kind`` is the kind of its items, empty when it does not tell."""

    api_version: str
    kind: str


def is_printed_dump(data: bytes) -> bool:
    """Whether containers' logs stand between the documents, as ``kubectl cluster-info dump`` prints them."""
    return data.startswith(b"==== START logs") or b"\n==== START logs" in data


def objects(data: bytes, place: str, limits: Limits) -> Iterator[Found | ListHead]:
    """Every object of a file, and every list that was there. Raises BadInput with the place."""
    text = data.removeprefix(_BOM)
    if is_printed_dump(text):
        text = _LOGS.sub(b"", text)
    if text.lstrip(_SPACE)[:1] in (b"{", b"["):
        yield from _from_json(text, place)
    else:
        yield from _from_yaml(text, place, limits)


def _from_json(data: bytes, place: str) -> Iterator[Found | ListHead]:
    """One JSON document, or several one after the other."""
    start = _next_text(data, 0)
    while start < len(data):
        document, end = _next_document(data, start, place)
        yield from _take_apart(document, data[start:end] if isinstance(document, _Document) else b"", place)
        start = _next_text(data, end)


def _next_text(data: bytes, start: int) -> int:
    blank = _BLANK.match(data, start)
    return blank.end() if blank else start


def _next_document(data: bytes, start: int, place: str) -> tuple[_Document | list[msgspec.Raw], int]:
    """The document that begins there, and where it ends."""
    rest = memoryview(data)[start:]
    end = len(rest)
    try:
        with without_collector(end):
            try:
                return _decode_document(rest), start + end
            except msgspec.DecodeError as error:
                trailing = _TRAILING.search(str(error))
                if trailing is None:
                    raise
                end = int(trailing.group(1)) - 1  # msgspec has already taken the first byte that does not belong
                return _decode_document(rest[:end]), start + end
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        wrong = malformed(error, bytes(rest), place, "the document")
        raise _shifted(wrong, data[:start]) from error


def _decode_document(data: memoryview) -> _Document | list[msgspec.Raw]:
    return msgspec.json.decode(data, type=_Document | list[msgspec.Raw])


def _shifted(error: BadInput, before: bytes) -> BadInput:
    """The place in the file, from the place in a document that comes after others."""
    where = error.location
    if where is None or not where.line or not before:
        return error
    column = where.column + (len(before) - before.rfind(b"\n") - 1 if where.line == 1 else 0)
    line = where.line + before.count(b"\n")
    return BadInput(error.message, object=error.object, hint=error.hint, location=Location(where.file, line, column))


def _take_apart(document: _Document | list[msgspec.Raw], data: bytes, place: str) -> Iterator[Found | ListHead]:
    if isinstance(document, list):
        yield ListHead("", "")
        raws, api_version, kind = document, "", ""
    elif document.items is not msgspec.UNSET:
        api_version, kind = _item_kind(document)
        yield ListHead(api_version, kind)
        raws = document.items or []
    else:
        yield _found(document, data, place)
        return
    for index, raw in enumerate(raws):
        try:
            head = msgspec.json.decode(raw, type=Head)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _in_list(malformed(error, raw, place, "the object"), index) from error
        found = _found(head, raw, place)
        found.api_version, found.kind = found.api_version or api_version, found.kind or kind
        found.index = index
        yield found


def _found(head: Head, data: bytes | msgspec.Raw, place: str) -> Found:
    return Found(head.api_version or "", head.kind or "", head.metadata or HeadMeta(), data, place)


def _item_kind(head: Head) -> tuple[str, str]:
    """API version and kind of a list's items: PodList holds Pods, List tells nothing."""
    kind = (head.kind or "").removesuffix("List")
    return (head.api_version or "", kind) if kind else ("", "")


def _in_list(error: BadInput, index: int) -> BadInput:
    """Make a JSON path inside an item a path inside its list; as it is outside one (index -1)."""
    if index < 0:
        return error
    place = f"`$.items[{index}]"
    message = error.message.replace("`$", place) if "`$" in error.message else f"{error.message} - at {place}`"
    return BadInput(message, object=error.object, hint=error.hint, location=error.location)


def located(error: BadInput, found: Found) -> BadInput:
    """The reader's error, with where in the file the object is."""
    error = _in_list(error, found.index)
    return BadInput(error.message, object=error.object, why=error.why, hint=error.hint, location=found.location)


def _from_yaml(data: bytes, place: str, limits: Limits) -> Iterator[Found | ListHead]:
    waiting: list[tuple[int, Node]] = []
    index = 0
    for node in yaml_nodes(data, place, limits):
        if node.item:
            found = _from_node(node, place, index)
            if found.kind:
                yield found
            else:
                waiting.append((index, node))  # its list tells the kind, and comes after its items
            index += 1
            continue
        yield from _after_items(node, place, waiting)
        waiting, index = [], 0


def _after_items(node: Node, place: str, waiting: list[tuple[int, Node]]) -> Iterator[Found | ListHead]:
    """The document itself, and those of its items that could not tell their own kind."""
    if isinstance(node.value, list):
        yield ListHead("", "")
        for index, item in enumerate(node.value):
            yield _from_node(Node(item, node.line), place, index)
        return
    if node.value is None:
        return
    document = _from_node(node, place, -1)
    if "items" not in node.value:
        yield document
        return
    api_version, kind = _item_kind(Head(document.api_version, document.kind))
    yield ListHead(api_version, kind)
    listed = node.value["items"] or []
    if not isinstance(listed, list):
        raise BadInput("items is not a list", location=Location(place, node.line))
    for index, item in [*waiting, *((i, Node(value, node.line)) for i, value in enumerate(listed))]:
        found = _from_node(item, place, index)
        found.api_version, found.kind = found.api_version or api_version, found.kind or kind
        yield found


def _from_node(node: Node, place: str, index: int) -> Found:
    where = Location(place, node.line)
    if not isinstance(node.value, dict):
        raise BadInput(
            "this is no Kubernetes object",
            location=where,
            hint="give a must-gather, a support bundle, a kubectl cluster-info dump, or kubectl get -o json",
        )
    try:
        head: Any = msgspec.convert(node.value, Head)
        data = msgspec.json.encode(node.value)
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError) as error:
        problem = f"the object does not look as the Kubernetes API writes it: {error}"
        raise _in_list(BadInput(problem, location=where), index) from error
    found = _found(head, data, place)
    found.line, found.index = node.line, index
    return found
