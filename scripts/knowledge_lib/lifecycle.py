"""What one tag of k8s.io/api says of each kind: that it is there, and when it was introduced, deprecated, removed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import GeneratorError

Key = tuple[str, str, str]
"""(group, version, kind); the core group is empty."""

_GROUP = re.compile(r'const\s+GroupName\s*=\s*"([^"]*)"')
_VERSION = re.compile(r'SchemeGroupVersion\s*=\s*schema\.GroupVersion\{Group:\s*GroupName,\s*Version:\s*"([^"]+)"\}')
_CALL = re.compile(r"AddKnownTypes\(SchemeGroupVersion,(.*?)\n\t\)", re.DOTALL)
_KIND = re.compile(r"&(\w+)\{\}")
_MARK = re.compile(
    r"func \(in \*(\w+)\) APILifecycle(Introduced|Deprecated|Removed|Replacement)\(\)[^{]*\{\s*return ([^\n]+)\n"
)
_MINOR = re.compile(r"(\d+), (\d+)")
_TO = re.compile(r'Group: "([^"]*)", Version: "([^"]*)", Kind: "([^"]*)"')


@dataclass
class Mark:
    """The lifecycle of a kind in one tag. Minors of Kubernetes 1; 0: not marked."""

    introduced: int = 0
    deprecated: int = 0
    removed: int = 0
    replacement: Key | None = None


@dataclass
class Tag:
    """One tag: the kinds that are registered, and the marks on them."""

    minor: int
    kinds: set[Key] = field(default_factory=set)
    marks: dict[Key, Mark] = field(default_factory=dict)


def read_tag(minor: int, folder: Path, pattern: str = "*/*/register.go") -> Tag:
    """Read a tag's folder. Raises GeneratorError when it does not look like k8s.io/api."""
    tag = Tag(minor)
    for register in sorted(folder.glob(pattern)):
        text = register.read_text()
        group, version = _GROUP.search(text), _VERSION.search(text)
        if not group or not version:
            continue
        base = (group[1], version[1])
        tag.kinds |= {(*base, kind) for call in _CALL.findall(text) for kind in _KIND.findall(call)}
        lifecycle = register.with_name("zz_generated.prerelease-lifecycle.go")
        if lifecycle.exists():
            tag.marks.update(_marks(base, lifecycle.read_text()))
    if not tag.kinds:
        raise GeneratorError(f"{folder}: no registered kinds found")
    return tag


def _marks(base: tuple[str, str], text: str) -> Mapping[Key, Mark]:
    found: dict[Key, Mark] = {}
    for kind, what, value in _MARK.findall(text):
        mark = found.setdefault((*base, kind), Mark())
        if what == "Replacement":
            to = _TO.search(value)
            mark.replacement = (to[1], to[2], _no_list(to[3], kind)) if to else None
        else:
            number = _MINOR.search(value)
            if number is None or number[1] != "1":
                raise GeneratorError(f"{'/'.join(base)} {kind}: {what} {value!r} is no minor of Kubernetes 1")
            setattr(mark, what.lower(), int(number[2]))
    return found


def _no_list(replacement: str, kind: str) -> str:
    """One marker of k8s.io/api names the list of the kind that it means."""
    return replacement[:-4] if replacement.endswith("List") and not kind.endswith("List") else replacement
