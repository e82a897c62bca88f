"""Rendered manifests of two releases, compared for what an upgrade from one to the other would do to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from shipkeeper.assessment.classing.manifest_rules import (
    Difference,
    Object,
    access,
    admission,
    budgets,
    images,
    replicas,
    security,
    traffic,
)
from shipkeeper.model.errors import BadInput
from shipkeeper.model.hops import ApiRemoval
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.untyped import mapping
from shipkeeper.semantics.skew import minor_of


class ManifestChange(Struct, frozen=True, kw_only=True):
    """One difference, in one object."""

    kind: str
    object: ObjectRef
    path: str
    text: str
    weight: str


Key = tuple[str, str, str, str]
"""(API group, kind, namespace, name)."""

_MATTER_WHEN_GONE = frozenset(
    {"Service", "Ingress", "IngressClass", "StorageClass", "Namespace", "PersistentVolumeClaim", "Gateway",
     "GatewayClass", "HTTPRoute", "PriorityClass", "RuntimeClass", "VolumeSnapshotClass", "ClusterIssuer",
     "CustomResourceDefinition"}
)  # fmt: skip
"""Kinds that others name: when one is gone, they break."""


def compare_manifests(old: Sequence[Object], new: Sequence[Object]) -> tuple[ManifestChange, ...]:
    """Differences that can hurt, by object."""
    before, after = _by_key(old), _by_key(new)
    found: list[ManifestChange] = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if now is None and was is not None:
            found.extend(_gone(key, was))
        elif now is not None:
            for rule in _RULES:
                found.extend(_change(key, one) for one in rule(was, now))
            if was is not None:
                found.extend(_change(key, one) for one in _immutable(was, now))
    return tuple(found)


def written_for_removed(
    objects: Sequence[Object], removals: Sequence[ApiRemoval], minor: str
) -> tuple[ManifestChange, ...]:
    """Objects written for an API that a minor of Kubernetes no longer has. Raises BadInput for what is no minor."""
    target = minor_of(minor)
    if target is None:
        raise BadInput(f"{minor!r} is no version of Kubernetes", object=minor, hint="write it like 1.33 or v1.33.4")
    gone = {
        (f"{one.group}/{one.version}" if one.group else one.version, one.kind): one
        for one in removals
        if (minor_of(one.removed_in) or target) <= target
    }
    found = []
    for key, item in sorted(_by_key(objects).items()):
        one = gone.get((str(item.get("apiVersion") or ""), key[1]))
        if one is not None:
            text = f"Kubernetes {one.removed_in} has no {one.kind} of {item.get('apiVersion')} any more"
            text += f"; {one.replacement} takes its place" if one.replacement else ""
            difference = Difference(kind="api-removed", path="$.apiVersion", text=text, weight="breaking")
            found.append(_change(key, difference))
    return tuple(found)


_MOVED = {
    "Ingress": "networking.k8s.io",
    "NetworkPolicy": "networking.k8s.io",
    "Deployment": "apps",
    "DaemonSet": "apps",
    "ReplicaSet": "apps",
    "PodSecurityPolicy": "policy",
}
"""Kinds of the group ``extensions``, and the group in which they are the same objects."""


def _by_key(objects: Sequence[Object]) -> dict[Key, Object]:
    found: dict[Key, Object] = {}
    for item in objects:
        metadata = mapping(item.get("metadata"))
        kind, group = str(item.get("kind") or ""), str(item.get("apiVersion") or "").rpartition("/")[0]
        if group == "extensions":
            group = _MOVED.get(kind, group)
        name = str(metadata.get("name") or metadata.get("generateName") or "")
        found[(group, kind, str(metadata.get("namespace") or ""), name)] = item
    return found


def _gone(key: Key, was: Object) -> Iterator[ManifestChange]:
    kind = key[1]
    if kind in _MATTER_WHEN_GONE:
        text = f"the {kind} is no longer in the manifests: it is deleted, and whatever names it finds nothing"
        yield _change(key, Difference(kind="object-removed", path="$", text=text, weight="breaking"))
    elif kind == "PodDisruptionBudget":
        text = "the budget is gone: nothing keeps an eviction from taking all pods at once"
        yield _change(key, Difference(kind="budget-removed", path="$", text=text, weight="risky"))
    elif kind in ("Deployment", "StatefulSet", "DaemonSet"):
        text = f"the {kind} is no longer in the manifests: what it runs is stopped"
        yield _change(key, Difference(kind="workload-removed", path="$", text=text, weight="risky"))


def _change(key: Key, difference: Difference) -> ManifestChange:
    return ManifestChange(
        kind=difference.kind,
        object=ObjectRef(key[1], key[2], key[3]),
        path=difference.path,
        text=difference.text,
        weight=difference.weight,
    )


_RULES: tuple[Callable[[Object | None, Object], Iterator[Difference]], ...] = (
    admission,
    budgets,
    replicas,
    images,
    access,
    security,
    traffic,
)

_FIXED: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "StatefulSet": (
        "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy",
    ),
    "Job": ("spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    "Service": ("spec.clusterIP", "spec.loadBalancerClass"),
    "StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "PriorityClass": ("value", "preemptionPolicy"),
    "RuntimeClass": ("handler",),
    "IngressClass": ("spec.controller",),
    "GatewayClass": ("spec.controllerName",),
    "PersistentVolumeClaim": (
        "spec.accessModes", "spec.storageClassName", "spec.volumeMode", "spec.volumeName", "spec.selector",
        "spec.dataSource",
    ),
    "PersistentVolume": ("spec.csi", "spec.hostPath", "spec.local", "spec.nfs", "spec.volumeMode"),
    "CSIDriver": ("spec.attachRequired", "spec.volumeLifecycleModes"),
}  # fmt: skip
"""Fields that the API server lets nobody change: an object that differs there has to be deleted and made again."""

_DEFAULTS: Mapping[tuple[str, str], Any] = {
    ("StatefulSet", "spec.podManagementPolicy"): "OrderedReady",
    ("StorageClass", "reclaimPolicy"): "Delete",
    ("StorageClass", "volumeBindingMode"): "Immediate",
    ("PriorityClass", "preemptionPolicy"): "PreemptLowerPriority",
    ("PersistentVolumeClaim", "spec.volumeMode"): "Filesystem",
    ("Job", "spec.completionMode"): "NonIndexed",
}


def _immutable(was: Object, now: Object) -> Iterator[Difference]:
    kind = str(now.get("kind"))
    for path in _FIXED.get(kind, ()):
        default = _DEFAULTS.get((kind, path))
        before, after = _field(was, path), _field(now, path)
        if kind == "Service" and (before in (None, "") or after in (None, "")):
            continue  # the API server filled it in, and keeps it
        before, after = (default if value is None else value for value in (before, after))
        if path == "spec.volumeClaimTemplates":
            before, after = _templates(before), _templates(after)
        if before != after:
            text = f"{path} differs, and may not be changed: the API server refuses it; the {kind} has to be made anew"
            yield Difference(kind="immutable-field-changed", path=f"$.{path}", text=text, weight="breaking")
    if kind in ("ConfigMap", "Secret") and was.get("immutable") is True:
        parts = ("data", "binaryData", "stringData")
        if now.get("immutable") is not True or any(was.get(part) != now.get(part) for part in parts):
            text = f"it is marked immutable, and differs: the API server refuses it; the {kind} has to be made anew"
            yield Difference(kind="immutable-field-changed", path="$.data", text=text, weight="breaking")


def _templates(value: Any) -> Any:
    """Claim templates without what the API server fills in."""
    found = []
    for item in value or ():
        spec = mapping(mapping(item).get("spec"))
        name = mapping(mapping(item).get("metadata")).get("name")
        found.append((name, {**spec, "volumeMode": spec.get("volumeMode") or "Filesystem"}))
    return found


def _field(item: Object, path: str) -> Any:
    value: Any = item
    for step in path.split("."):
        value = mapping(value).get(step)
    return value
