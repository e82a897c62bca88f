"""A CustomResourceDefinition as far as a change of it can break something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.untyped import mapping, sequence

GROUP = "apiextensions.k8s.io"


class DefinitionVersion(Struct, frozen=True, kw_only=True):
    """One version of a kind. ``schema`` is its openAPIV3Schema; empty where it has none."""

    name: str
    served: bool = True
    storage: bool = False
    deprecated: bool = False
    schema: Mapping[str, Any] = {}
    subresources: tuple[str, ...] = ()


class Definition(Struct, frozen=True, kw_only=True):
    """A definition. ``stored_versions`` are from the status of one that a cluster has; empty: not known."""

    name: str
    group: str
    kind: str
    plural: str
    scope: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    conversion: str = "None"
    preserve_unknown: bool = False
    """The old way to say that fields nobody declared are kept."""
    versions: tuple[DefinitionVersion, ...] = ()
    stored_versions: tuple[str, ...] = ()

    def version(self, name: str) -> DefinitionVersion | None:
        """The version of that name, or None."""
        return next((version for version in self.versions if version.name == name), None)

    @property
    def storage(self) -> DefinitionVersion | None:
        """The version that objects are stored in."""
        return next((version for version in self.versions if version.storage), None)


def is_crd(document: Any) -> bool:
    """Whether a document says of itself that it is a CustomResourceDefinition."""
    return (
        isinstance(document, Mapping)
        and document.get("kind") == "CustomResourceDefinition"
        and str(document.get("apiVersion", "")).startswith(f"{GROUP}/")
    )


def crd_of(document: Mapping[str, Any], place: Location | None = None) -> Definition:
    """Read one definition. Raises BadInput for one that no API server would take."""
    reading = _Reading(document, place)
    spec = reading.mapping(document, "spec")
    names = reading.mapping(spec, "names")
    metadata = reading.mapping(document, "metadata")
    versions = spec.get("versions") or ([{"name": spec.get("version"), "served": True, "storage": True}])
    if not isinstance(versions, list):
        raise reading.wrong("spec.versions is not a list")
    shared = spec.get("validation")
    legacy = str(document.get("apiVersion")).endswith("/v1beta1")
    stored = mapping(document.get("status")).get("storedVersions")
    return Definition(
        name=reading.text(metadata, "name"),
        group=reading.text(spec, "group"),
        kind=reading.text(names, "kind"),
        plural=reading.text(names, "plural"),
        scope=str(spec.get("scope") or "Namespaced"),
        singular=str(names.get("singular") or "").lower(),
        short_names=_texts(names.get("shortNames")),
        categories=_texts(names.get("categories")),
        conversion=str(mapping(spec.get("conversion")).get("strategy") or "None"),
        preserve_unknown=spec.get("preserveUnknownFields", legacy) is True,
        versions=tuple(reading.version(version, shared, spec.get("subresources")) for version in versions),
        stored_versions=_texts(stored),
    )


class _Reading:
    """Takes parts of one document, and names it where a part is not what it must be."""

    def __init__(self, document: Mapping[str, Any], place: Location | None) -> None:
        self.place = place
        self.name = str(mapping(document.get("metadata")).get("name") or "without a name")

    def wrong(self, what: str) -> BadInput:
        name = f"CustomResourceDefinition {self.name}"
        return BadInput(
            f"{name}: {what}", object=name, location=self.place, hint="give it as kubectl or a chart has it"
        )

    def mapping(self, parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = parent.get(key)
        if not isinstance(value, Mapping):
            raise self.wrong(f"{key} is missing or is no mapping")
        return value

    def text(self, parent: Mapping[str, Any], key: str) -> str:
        value = parent.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key} is missing or is no text")
        return value

    def version(self, version: Any, shared: Any, subresources: Any) -> DefinitionVersion:
        if not isinstance(version, Mapping):
            raise self.wrong("a version is no mapping")
        schema = mapping(version.get("schema") or shared).get("openAPIV3Schema")
        return DefinitionVersion(
            name=self.text(version, "name"),
            served=version.get("served") is True,
            storage=version.get("storage") is True,
            deprecated=version.get("deprecated") is True,
            schema=mapping(schema),
            subresources=tuple(sorted(mapping(version.get("subresources") or subresources))),
        )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in sequence(value))
