"""Two definitions of one kind, or two sets of them, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.assessment.classing.crd import Definition, DefinitionVersion
from shipkeeper.assessment.classing.schema_diff import PRESERVE, Schema, SchemaChange, compare_schemas
from shipkeeper.model.untyped import mapping

COMMON = ("apiVersion", "kind", "metadata")
"""What every object has, whatever its kind's schema says."""


class CrdChange(Struct, frozen=True, kw_only=True):
    """A difference between two definitions. ``version`` is the API version that it is in; empty: in all of the kind."""

    crd: str
    change: SchemaChange
    version: str = ""

    @property
    def kind(self) -> str:
        """What was compared."""
        return self.change.kind


def diff_crds(old: Iterable[Definition], new: Iterable[Definition]) -> tuple[CrdChange, ...]:
    """Differences between two sets of definitions, by the kind's name."""
    before, after = {crd.name: crd for crd in old}, {crd.name: crd for crd in new}
    found: list[CrdChange] = []
    for name in sorted(before):
        if name in after:
            found.extend(diff_crd(before[name], after[name]))
        else:
            text = "the definition is gone; deleting it deletes every object of the kind"
            found.append(CrdChange(crd=name, change=SchemaChange(kind="kind-removed", path="$", text=text)))
    return tuple(found)


def diff_crd(old: Definition, new: Definition) -> tuple[CrdChange, ...]:
    """Differences between two definitions of one kind, worst first within each version."""
    found = [CrdChange(crd=new.name, change=change) for change in _whole(old, new)]
    for version in old.versions:
        after = new.version(version.name)
        if after is None:
            found.append(_at(new, version.name, _version_gone(old, new, version)))
            continue
        found.extend(_at(new, version.name, change) for change in _version(old, new, version, after))
    found.extend(_across_storage(old, new))
    return tuple(found)


def _at(crd: Definition, version: str, change: SchemaChange) -> CrdChange:
    return CrdChange(crd=crd.name, version=version, change=change)


def _whole(old: Definition, new: Definition) -> Iterator[SchemaChange]:
    """What holds for all versions: scope, names, conversion, storage."""
    if old.scope != new.scope:
        text = f"the scope was {old.scope} and is {new.scope}: the API server refuses that; the kind has to be deleted"
        yield SchemaChange(kind="scope-changed", path="$.spec.scope", text=text)
    for field in ("kind", "plural", "group"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            text = f"{field} was {before} and is {after}: whatever asks by the old name finds nothing"
            yield SchemaChange(kind="names-changed", path=f"$.spec.names.{field}", text=text)
    gone = sorted({old.singular, *old.short_names} - {new.singular, new.plural, *new.short_names, ""})
    if gone:
        text = f"kubectl no longer knows it as {', '.join(gone)}"
        yield SchemaChange(kind="names-changed", path="$.spec.names", text=text, weight="risky")
    lost = sorted(set(old.categories) - set(new.categories))
    if lost:
        text = f"it is no longer in {', '.join(lost)}"
        yield SchemaChange(kind="names-changed", path="$.spec.names.categories", text=text, weight="note")
    if old.conversion != new.conversion:
        text = f"conversion between versions was {old.conversion} and is {new.conversion}"
        if new.conversion == "Webhook":
            text += ": while its webhook is away, objects cannot be read in another version than they are stored in"
        yield SchemaChange(kind="conversion-changed", path="$.spec.conversion.strategy", text=text, weight="risky")
    yield from _storage(old, new)


def _storage(old: Definition, new: Definition) -> Iterator[SchemaChange]:
    before, after = old.storage, new.storage
    if before is not None and after is not None and before.name != after.name:
        text = (
            f"objects were stored as {before.name} and will be as {after.name}; "
            f"those that nobody writes stay as {before.name} until they are rewritten"
        )
        yield SchemaChange(kind="storage-version-changed", path="$.spec.versions", text=text, weight="risky")
    stored = old.stored_versions or new.stored_versions
    gone = [name for name in stored if new.version(name) is None]
    if gone:
        text = (
            f"objects are stored as {', '.join(gone)}, which the new definition does not have: the API server refuses "
            "it until they are rewritten and status.storedVersions is"
        )
        yield SchemaChange(kind="stored-version-removed", path="$.status.storedVersions", text=text, detail=tuple(gone))


def _version_gone(old: Definition, new: Definition, version: DefinitionVersion) -> SchemaChange:
    if not version.served and not version.storage:
        text = "the version is gone; it was not served any more"
        return SchemaChange(kind="version-removed", path="$.spec.versions", text=text, weight="note")
    text = "the version is gone: manifests and clients that name it are refused"
    if not version.served:
        text = "the version is gone; it was not served, and objects may be stored in it"
    if version.storage and not (old.stored_versions or new.stored_versions):
        text += "; it was the version that objects are stored in, so the API server may refuse the new definition"
    return SchemaChange(kind="version-removed", path="$.spec.versions", text=text)


def _version(
    old: Definition, new: Definition, before: DefinitionVersion, after: DefinitionVersion
) -> Iterator[SchemaChange]:
    if before.served and not after.served:
        text = "the version is no longer served: manifests and clients that name it are refused"
        yield SchemaChange(kind="version-unserved", path="$.spec.versions", text=text)
    if after.deprecated and not before.deprecated:
        text = "the version is deprecated now: the API server warns whoever uses it"
        yield SchemaChange(kind="version-deprecated", path="$.spec.versions", text=text, weight="note")
    for name in before.subresources:
        if name not in after.subresources:
            text = f"the subresource {name} is gone"
            weight = "breaking" if name == "scale" else "risky"
            yield SchemaChange(kind="subresource-removed", path=f"$.spec.versions.{name}", text=text, weight=weight)
    if before.served or before.storage:
        yield from _schemas(before.schema, after.schema, old.preserve_unknown, new.preserve_unknown)


def _schemas(before: Schema, after: Schema, kept: bool, keeps: bool) -> Iterator[SchemaChange]:
    old, new = own_schema(before, kept), own_schema(after, keeps)
    for change in compare_schemas(old, new):
        of_status = change.path == "$.status" or change.path.startswith(("$.status.", "$.status["))
        yield replace(change, weight=_status_weight(change)) if of_status else change


def _status_weight(change: SchemaChange) -> str:
    """What a controller writes is written again by its next version; people only read it, and miss what is gone."""
    read_otherwise = change.kind in ("property-removed", "property-undeclared", "type-changed", "enum-value-removed")
    return "risky" if read_otherwise and change.weight != "note" else "note"


def own_schema(schema: Schema, keeps_all: bool) -> Schema:
    """The schema of what is the kind's own: apiVersion, kind and metadata are there whether it declares them or not."""
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {k: v for k, v in mapping(found["properties"]).items() if k not in COMMON}
    if "required" in found:
        found["required"] = [name for name in found["required"] or () if name not in COMMON]
    if keeps_all:
        found[PRESERVE] = True
    return found


def _across_storage(old: Definition, new: Definition) -> Iterator[CrdChange]:
    """Objects stored in one version are read in another one without a conversion: its schema must take them."""
    before, after = old.storage, new.storage
    if before is None or after is None or before.name == after.name or new.conversion != "None":
        return
    kept, keeps = old.preserve_unknown, new.preserve_unknown
    same = new.version(before.name)
    known = _schemas(before.schema, same.schema, kept, keeps) if same is not None else ()
    told = {(change.kind, change.path) for change in known}
    for change in _schemas(before.schema, after.schema, kept, keeps):
        if (change.kind, change.path) not in told and change.weight == "breaking":
            text = f"between {before.name}, in which objects are stored, and {after.name}: {change.text}"
            yield _at(new, after.name, replace(change, text=text))
