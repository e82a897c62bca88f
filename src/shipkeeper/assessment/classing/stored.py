"""What changed in a definition, crossed with the objects that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from shipkeeper.assessment.classing.crd import Definition
from shipkeeper.assessment.classing.crd_diff import COMMON, CrdChange, own_schema
from shipkeeper.assessment.classing.schema_check import Violation, violations
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.untyped import mapping

Object = Mapping[str, Any]

_BY_VERSION = frozenset({"version-removed", "version-unserved", "version-deprecated"})
_OF_ALL = frozenset({"kind-removed", "scope-changed", "storage-version-changed", "conversion-changed", "names-changed"})
_BY_PRESENCE = frozenset({"property-removed", "property-undeclared", "list-type-changed", "type-widened"})
_UNTOLD = frozenset({"rule-added", "default-changed", "subresource-removed", "not-compared"})
"""What objects alone don't tell: a rule is not evaluated, who wrote a default is not known."""


class Used(Struct, frozen=True, kw_only=True):
    """Whether objects are affected: yes | no | unknown; ``objects`` are those that are."""

    answer: str
    objects: tuple[ObjectRef, ...] = ()
    why: str = ""


class Stored:
    """The objects of one kind, checked once against the new schema. ``None`` objects: nobody listed them."""

    def __init__(self, old: Definition, new: Definition | None, objects: Sequence[Object] | None) -> None:
        self.objects = objects
        self._old = old
        self._new = new
        self._found: dict[str, list[tuple[ObjectRef, tuple[Violation, ...]]]] = {}

    def used(self, found: CrdChange) -> Used:
        """Whether any object meets this change."""
        if self.objects is None:
            return Used(answer="unknown", why=f"nobody listed the {self._old.plural} that exist")
        if not self.objects:
            return Used(answer="no", why=f"there are no {self._old.plural}")
        kind = found.kind
        if kind in _OF_ALL or kind == "stored-version-removed":
            return _told([ref_of(item) for item in self.objects], "every object of the kind is")
        if kind in _BY_VERSION:
            return self._by_version(found.version)
        if kind in _BY_PRESENCE:
            hits = [ref_of(item) for item in self.objects if any(True for _ in values_at(item, found.change.path))]
            return _told(hits, f"{len(self.objects)} looked at")
        if kind in _UNTOLD:
            return self._untold(found)
        return self._by_violation(found)

    def _by_version(self, version: str) -> Used:
        hits = [ref_of(item) for item in self.objects or () if _version_of(item) == version]
        if hits:
            return _told(hits, "they are written in that version")
        if version in self._old.stored_versions:
            return Used(answer="yes", why=f"status.storedVersions has {version}")
        why = "no object was given in that version; manifests elsewhere may still name it"
        return Used(answer="unknown", why=why)

    def _untold(self, found: CrdChange) -> Used:
        parent = found.change.path.rpartition(".")[0] if found.kind == "default-changed" else found.change.path
        meets = [ref_of(item) for item in self.objects or () if any(True for _ in values_at(item, parent))]
        if not meets and found.kind != "subresource-removed":
            return Used(answer="no", why=f"none of {len(self.objects or ())} has anything there")
        return Used(answer="unknown", objects=tuple(meets), why="objects alone do not tell")

    def _by_violation(self, found: CrdChange) -> Used:
        """By what the new schema says of each object at that place."""
        checked = self._checked(found.version)
        if not checked:
            return Used(answer="unknown", why=f"no object was given in {found.version}, and a webhook converts them")
        hits, unsure = [], []
        for ref, wrong in checked:
            here = [item for item in wrong if _meets(item, found)]
            if any(not item.unsure for item in here):
                hits.append(ref)
            elif here:
                unsure.append(ref)
        if hits or not unsure:
            return _told(hits, f"{len(checked)} checked against the new schema")
        return Used(answer="unknown", objects=tuple(unsure), why="whether they fit cannot be told here")

    def _checked(self, version: str) -> list[tuple[ObjectRef, tuple[Violation, ...]]]:
        """Objects that can be read as that version, with what its new schema does not take of them."""
        if version not in self._found:
            after = self._new.version(version) if self._new is not None else None
            keeps = self._new is None or self._new.preserve_unknown or after is None or not after.schema
            schema = own_schema(after.schema if after is not None else {}, keeps)
            same_in_all = self._new is None or self._new.conversion == "None"
            self._found[version] = [
                (ref_of(item), tuple(violations(schema, without_head(item))))
                for item in self.objects or ()
                if same_in_all or _version_of(item) == version
            ]
        return self._found[version]


def _meets(wrong: Violation, found: CrdChange) -> bool:
    """Whether what is wrong with an object is what changed."""
    if found.kind == "unknown-fields-dropped":
        return wrong.kind == "property-removed" and _steps(wrong.path)[:-1] == _steps(found.change.path)
    if found.kind == "type-changed":  # and whatever else is asked of the new type: below it nothing was compared
        path = _steps(found.change.path)
        return _steps(wrong.path)[: len(path)] == path
    return wrong.path == found.change.path and wrong.kind == found.kind


def _told(hits: list[ObjectRef], why: str) -> Used:
    return Used(answer="yes" if hits else "no", objects=tuple(hits), why=why)


def ref_of(item: Object) -> ObjectRef:
    """The object's name."""
    metadata = mapping(item.get("metadata"))
    return ObjectRef(str(item.get("kind") or ""), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))


def values_at(item: Any, path: str) -> Iterator[Any]:
    """Values at a path pattern such as ``$.spec.rules[*].match``."""
    found: Iterable[Any] = [item]
    for step in _steps(path):
        found = [inner for value in found for inner in _step(value, step)]
    return iter(found)


def _step(value: Any, step: str) -> Iterable[Any]:
    if step == "[*]":
        return value if isinstance(value, list) else ()
    if not isinstance(value, Mapping):
        return ()
    if step == "*":
        return list(value.values())
    return (value[step],) if step in value else ()


def _steps(path: str) -> list[str]:
    """Steps of a pattern that ``key_path`` made."""
    steps, rest = [], path.removeprefix("$")
    while rest:
        if rest.startswith("[*]"):
            steps.append("[*]")
            rest = rest[3:]
        elif rest.startswith("['"):
            end = rest.index("']")
            steps.append(rest[2:end])
            rest = rest[end + 2 :]
        else:
            end = min((at for at in (rest.find(".", 1), rest.find("[", 1)) if at > 0), default=len(rest))
            steps.append(rest[1:end])
            rest = rest[end:]
    return steps


def _version_of(item: Object) -> str:
    return str(item.get("apiVersion") or "").rpartition("/")[2]


def without_head(item: Object) -> Object:
    """The object without what every object has."""
    return {key: value for key, value in item.items() if key not in COMMON}
