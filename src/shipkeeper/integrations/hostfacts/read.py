"""From a file or a folder of files to facts of hosts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct
from yaml.constructor import ConstructorError
from yaml.events import AliasEvent, DocumentStartEvent

from shipkeeper.integrations.hostfacts.ansible import is_ansible, of_ansible
from shipkeeper.integrations.hostfacts.own import of_own
from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.facts import HostFacts

LARGEST = 64 << 20
MOST_FILES = 20_000
_BYTE = re.compile(r"\(byte (\d+)\)")
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORMATS = "give Ansible's fact cache (setup), or what deploy/facts/node-facts prints; see docs/reference/facts-file.md"


class Gathered(Struct, frozen=True):
    """Facts by host, and what could not be had: ``notes`` names hosts that were not reached."""

    hosts: tuple[HostFacts, ...]
    notes: tuple[str, ...] = ()


class _Loader(_Safe):  # type: ignore[misc]  # the C loader, where there is one
    """PyYAML's safe loader, with times left as text, and every key of a mapping once."""

    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
        for first, pairs in _Safe.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is given twice: which of the two is meant, nobody can tell."""
        seen: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            if (
                isinstance(key, yaml.ScalarNode)
                and (first := seen.setdefault(key.value, key.start_mark)) != key.start_mark
            ):
                raise ConstructorError(
                    problem=f"{key.value!r} is given twice, first at {first.line + 1}:{first.column + 1}",
                    problem_mark=key.start_mark,
                )
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def read_facts(path: str) -> Gathered:
    """Read facts from a file, or from every file of a folder. Raises BadInput with the place; nothing is half-used."""
    hosts: list[HostFacts] = []
    notes: list[str] = []
    for file in _files(path):
        for document, line in _documents(file):
            for item in _items(document, file, line):
                if is_ansible(item):
                    found, note = of_ansible(item, file)
                    hosts.extend([found] if found else [])
                    notes.extend([note] if note else [])
                else:
                    hosts.append(of_own(item, file, line))
    if not hosts and not notes:
        raise BadInput("there are no facts in it", hint=_FORMATS, location=Location(path))
    return Gathered(tuple(hosts), tuple(notes))


def _files(path: str) -> list[str]:
    """The file, or the files of the folder; hidden ones are left out."""
    try:
        if not os.path.isdir(path):
            return [path]
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError as error:
        raise BadInput(f"it cannot be read: {error.strerror or error}", location=Location(path)) from error
    if len(names) > MOST_FILES:
        raise BadInput(f"the folder has more than {MOST_FILES} files", hint=_FORMATS, location=Location(path))
    return [os.path.join(path, name) for name in names if os.path.isfile(os.path.join(path, name))]


def _documents(file: str) -> Iterator[tuple[Any, int]]:
    """Every document of a file with its line: JSON, JSON lines, or YAML."""
    try:
        size = os.path.getsize(file)
        if size > LARGEST:
            raise BadInput(f"it is {size} bytes; more than {LARGEST} are not read", location=Location(file))
        data = Path(file).read_bytes()
    except OSError as error:
        raise BadInput(f"it cannot be read: {error.strerror or error}", location=Location(file)) from error
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise BadInput("the file is empty", hint=_FORMATS, location=Location(file))
    if text[:1] in (b"{", b"["):
        yield from _json(data, file)
    else:
        yield from _yaml(data, file)


def _json(data: bytes, file: str) -> Iterator[tuple[Any, int]]:
    """One document, or one a line."""
    try:
        yield msgspec.json.decode(data), 1
        return
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        first = error
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[:1] == b"{" for _, line in lines):
        raise _unreadable(first, data, file, 0) from first
    for number, line in lines:
        try:
            yield msgspec.json.decode(line), number
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _unreadable(error, line, file, number - 1) from error


def _unreadable(error: Exception, data: bytes, file: str, lines_before: int) -> BadInput:
    found = _BYTE.search(str(error))
    offset = int(found.group(1)) if found else len(data)
    before = data[:offset]
    line, column = before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1
    reason = "it is nested too deep" if isinstance(error, RecursionError) else _BYTE.sub("", str(error)).strip()
    return BadInput(
        f"it is not readable JSON: {reason}", hint=_FORMATS, location=Location(file, line + lines_before, column)
    )


def _yaml(data: bytes, file: str) -> Iterator[tuple[Any, int]]:
    """Every YAML document. Aliases are refused: none of these formats has any, and they can grow without bound."""
    lines: list[int] = []
    try:
        for event in yaml.parse(data, Loader=_Loader):
            if isinstance(event, DocumentStartEvent):
                lines.append(_line(event))
            elif isinstance(event, AliasEvent):
                raise BadInput("YAML aliases are not read", hint=_FORMATS, location=Location(file, _line(event)))
        for document, line in zip(yaml.load_all(data, Loader=_Loader), lines, strict=False):
            if document is not None:
                yield document, line
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = error.problem or error.context or "it cannot be read"
        raise BadInput(
            f"it is not readable YAML: {problem}", hint=_FORMATS, location=Location(file, line, column)
        ) from error
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        first = str(error).split("\n", 1)[0]
        raise BadInput(f"it is not readable YAML: {first}", hint=_FORMATS, location=Location(file)) from error


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _items(document: Any, file: str, line: int) -> list[dict[str, Any]]:
    """The hosts of a document: itself, its list, or the list under ``nodes``."""
    if isinstance(document, dict) and set(document) == {"nodes"}:
        document = document["nodes"]
    items = document if isinstance(document, list) else [document]
    for item in items:
        if not isinstance(item, dict):
            raise BadInput("these are no facts of a host", hint=_FORMATS, location=Location(file, line))
    return items
