"""What differs between two inventories, object by object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from shipkeeper.model.facts import ControlPlaneComponent, DeprecatedRequest, ImageUse, NodeFacts
from shipkeeper.model.inventory import Inventory

_PASSING = frozenset(
    {
        "resource_version", "renewed_ms", "since_ms", "updated_ms", "taken_ms", "validated_ms", "synced_ms",
        "last_handled", "pods",
    }
)  # fmt: skip
"""Fields that change without anything having happened."""

_KINDS = (
    ("nodes", "Node"),
    ("pods", "Pod"),
    ("workloads", ""),
    ("budgets", "PodDisruptionBudget"),
    ("claims", "PersistentVolumeClaim"),
    ("volumes", "PersistentVolume"),
    ("attachments", "VolumeAttachment"),
    ("csi_nodes", "CSINode"),
    ("storage_classes", "StorageClass"),
    ("priority_classes", "PriorityClass"),
    ("quotas", "ResourceQuota"),
    ("limit_ranges", "LimitRange"),
    ("webhooks", "Webhook"),
    ("api_services", "APIService"),
    ("services", "Service"),
    ("endpoint_slices", "EndpointSlice"),
    ("autoscalers", "HorizontalPodAutoscaler"),
    ("leases", "Lease"),
    ("namespaces", "Namespace"),
    ("releases", "Release"),
    ("flux", ""),
    ("crds", "CustomResourceDefinition"),
    ("backups", "Backup"),
    ("backup_schedules", "BackupSchedule"),
    ("backup_locations", "BackupLocation"),
    ("database_clusters", "DatabaseCluster"),
    ("identity_servers", "IdentityServer"),
    ("realm_imports", "RealmImport"),
    ("certificates", "Certificate"),
    ("policies", ""),
    ("policy_exceptions", "PolicyException"),
    ("vulnerability_reports", "VulnerabilityReport"),
    ("images", "Image"),
    ("control_plane", "ControlPlaneComponent"),
    ("node_facts", "NodeFacts"),
    ("deprecated_requests", "DeprecatedRequest"),
)


_NAMED: dict[type, Callable[[Any], str]] = {
    ImageUse: lambda item: item.image,
    ControlPlaneComponent: lambda item: f"{item.component} on {item.node}",
    NodeFacts: lambda item: item.node,
    DeprecatedRequest: lambda item: " ".join(filter(None, (item.group, item.version, item.resource, item.subresource))),
}
"""How objects without a namespace and name of their own are called."""


class ChangedObject(Struct, frozen=True, rename="camel"):
    """An object that is in both and differs in these fields. A new UID means it was replaced by another."""

    name: str
    fields: tuple[str, ...]


class KindDiff(Struct, frozen=True, rename="camel"):
    """What differs among the objects of one kind, by ``namespace/name``."""

    kind: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[ChangedObject, ...] = ()


class InventoryDiff(Struct, frozen=True, rename="camel"):
    """From one inventory to another; kinds without a difference are left out."""

    same_cluster: bool | None
    """None when one of the two does not tell which cluster it is of."""
    from_ms: int
    to_ms: int
    kinds: tuple[KindDiff, ...]
    unknown: tuple[str, ...] = ()
    """Fields of Inventory that one of the two could not read at all: what changed in them is not known."""


def diff(before: Inventory, after: Inventory) -> InventoryDiff:
    """Tell what was added, removed and changed between the two. Events and gaps are left out."""
    one, other = before.identity.uid, after.identity.uid
    kinds: list[KindDiff] = []
    unknown: list[str] = []
    for attribute, kind in _KINDS:
        if any(item.missing_in(attribute) and not getattr(item, attribute) for item in (before, after)):
            unknown.append(attribute)
            continue
        kinds.extend(
            _differences(_by_kind(getattr(before, attribute), kind), _by_kind(getattr(after, attribute), kind))
        )
    return InventoryDiff(
        one == other if one and other else None, before.taken_ms, after.taken_ms, tuple(kinds), tuple(unknown)
    )


def _by_kind(items: Iterable[Any], kind: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        found.setdefault(kind or item.kind, {})[_name(item)] = item
    return found


def _name(item: Any) -> str:
    for attribute, name in _NAMED.items():
        if isinstance(item, attribute):
            return name(item)
    namespace = getattr(item, "namespace", "") or getattr(item, "configuration", "")
    return f"{namespace}/{item.name}" if namespace else str(item.name)


def _differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[KindDiff]:
    kinds = []
    for kind in sorted({*before, *after}):
        old, new = before.get(kind, {}), after.get(kind, {})
        changed = ((name, _changed(old[name], new[name])) for name in sorted(old.keys() & new.keys()))
        difference = KindDiff(
            kind,
            added=tuple(sorted(new.keys() - old.keys())),
            removed=tuple(sorted(old.keys() - new.keys())),
            changed=tuple(ChangedObject(name, tuple(fields)) for name, fields in changed if fields),
        )
        if difference.added or difference.removed or difference.changed:
            kinds.append(difference)
    return kinds


def _changed(old: Any, new: Any) -> list[str]:
    """Names of the fields that differ; of a record inside, the fields inside it: ``info.boot_id``."""
    found: list[str] = []
    if old == new:
        return found
    for name in old.__struct_fields__:
        was, now = getattr(old, name), getattr(new, name)
        if name in _PASSING or _settled(was) == _settled(now):
            continue
        if isinstance(was, Struct) and type(was) is type(now):
            found.extend(f"{name}.{inner}" for inner in _changed(was, now))
        else:
            found.append(name)
    return found


def _settled(value: Any) -> Any:
    """The value without what changes in passing inside it (a condition's heartbeat)."""
    if isinstance(value, tuple):
        return tuple(_settled(item) for item in value)
    if isinstance(value, Struct) and "since_ms" in value.__struct_fields__:
        names: Sequence[str] = value.__struct_fields__
        return tuple(getattr(value, name) for name in names if name not in _PASSING)
    return value
