"""The layouts dumps come in, told by the paths inside, and which of their files are worth opening.

must-gather: ``cluster-scoped-resources/<group>/…`` and ``namespaces/<namespace>/<group>/…`` (``oc adm inspect``).
support bundle: ``cluster-resources/<resources>/<namespace>.json`` (troubleshoot.sh). cluster-info dump:
``nodes.json`` and ``<namespace>/<resources>.json``. files: whatever ``kubectl get -o json|yaml`` wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from shipkeeper.semantics.wire import PLATFORM_READERS, READERS
from shipkeeper.semantics.wire.drainer_kinds import DRAINER_KINDS
from shipkeeper.semantics.wire.platform.crds import CRDS

Layout = Literal["must-gather", "support bundle", "cluster-info dump", "files"]
Role = Literal["objects", "pod", "time", "version", "errors", "helm"]

_VERSION_OPERATOR = ("config.openshift.io", "clusteroperators", "kube-apiserver")
_INFRASTRUCTURE = ("config.openshift.io", "infrastructures")
_NAMES = {
    "pvcs": "persistentvolumeclaims",
    "pvs": "persistentvolumes",
    "resourcequota": "resourcequotas",
    "hpa": "horizontalpodautoscalers",
}
_TEXTS = (".json", ".yaml", ".yml")
_READABLE = {(reader.group or "core", name) for name, reader in READERS.items()}
_CUSTOM = {(reader.group, reader.resource): name for name, reader in PLATFORM_READERS.items()}
_RECORDS = {("core", "secrets"), ("core", "configmaps")}
"""Where Helm keeps its records. Nothing else of these is read."""
_MUST_GATHER_GROUPS = frozenset({"core", "apps", "batch", "policy", "pods"})


class Wanted(Struct, frozen=True):
    """A file worth opening. ``resource`` is what its place says it holds, for objects that don't say it themselves."""

    role: Role
    resource: str = ""
    namespace: str = ""


def layout_of(paths: Iterable[str]) -> Layout:
    """The layout that these paths are."""
    bundle = info = nodes = False
    for path in paths:
        parts = path.split("/")
        if "cluster-scoped-resources" in parts[:-2] or _inside_namespace(parts):
            return "must-gather"
        bundle = bundle or "cluster-resources" in parts[:-1]
        stem = _stem(parts[-1])
        nodes = nodes or stem == "nodes"
        info = info or (stem == "pods" and len(parts) > 1)
    if bundle:
        return "support bundle"
    return "cluster-info dump" if nodes and info else "files"


def wanted(layout: Layout, path: str) -> Wanted | None:
    """What the file is good for; None for one that is not opened."""
    parts = path.split("/")
    if layout == "must-gather":
        return _in_must_gather(parts)
    if layout == "support bundle":
        return _in_bundle(parts)
    if not _is_text(parts[-1]):
        return None
    namespace = parts[-2] if layout == "cluster-info dump" and len(parts) > 1 else ""
    return Wanted("objects", _resource(_stem(parts[-1])), namespace)


def _in_must_gather(parts: list[str]) -> Wanted | None:
    if parts[-1] == "timestamp":
        return Wanted("time")
    if not _is_text(parts[-1]):
        return None
    if "cluster-scoped-resources" in parts[:-2]:
        start = parts.index("cluster-scoped-resources") + 1
        return _grouped([*parts[start:-1], _stem(parts[-1])], "")
    if "namespaces" not in parts[:-2]:
        return None
    start = parts.index("namespaces") + 1
    namespace, rest = parts[start], [*parts[start + 1 : -1], _stem(parts[-1])]
    if rest == [namespace]:
        return Wanted("objects", "namespaces")
    if len(rest) == 3 and rest[0] == "pods" and rest[1] == rest[2]:
        return Wanted("pod", "pods", namespace)
    return _grouped(rest, namespace)


def _grouped(rest: list[str], namespace: str) -> Wanted | None:
    """``<group>/<resources>`` or ``<group>/<resources>/<name>``."""
    if len(rest) not in (2, 3):
        return None
    group, resource = rest[0], rest[1]
    if tuple(rest) == _VERSION_OPERATOR or (group, resource) == _INFRASTRUCTURE:
        return Wanted("version")
    if (group, resource) in _READABLE:
        return Wanted("objects", resource, namespace)
    if (group, resource) in _CUSTOM:
        return Wanted("objects", _CUSTOM[group, resource])
    if (group, resource) in _RECORDS:
        return Wanted("objects")
    return Wanted("objects") if (group, resource) in DRAINER_KINDS else None


def _in_bundle(parts: list[str]) -> Wanted | None:
    if parts[-1] == "cluster_version.json":
        return Wanted("version")
    if "helm" in parts[:-1] and parts[-1].endswith(".json") and "cluster-resources" not in parts:
        return Wanted("helm")
    if "cluster-resources" not in parts[:-1] or not parts[-1].endswith(".json"):
        return None
    rest = [*parts[parts.index("cluster-resources") + 1 : -1], _stem(parts[-1])]
    if len(rest) == 1 and rest[0].endswith("-errors"):
        resource = _resource(rest[0].removesuffix("-errors"))
        return Wanted("errors", resource) if resource else None
    if rest[0] == "custom-resources" and len(rest) in (2, 3):
        plural, _, group = rest[1].partition(".")
        if (group, plural) in _CUSTOM:
            return Wanted("objects", _CUSTOM[group, plural])
        return Wanted("objects") if len(rest) == 3 and (group, plural) in DRAINER_KINDS else None
    resource = _resource(rest[0])
    if not resource or len(rest) > 2:
        return None
    return Wanted("objects", resource, rest[1] if len(rest) == 2 else "")


def _inside_namespace(parts: list[str]) -> bool:
    """``namespaces/<namespace>/<group>/<file>``."""
    if "namespaces" not in parts[:-3]:
        return False
    return parts[parts.index("namespaces") + 2] in _MUST_GATHER_GROUPS


def _resource(stem: str) -> str:
    """The plural resource name that a file or folder name stands for, or nothing."""
    squeezed = stem.replace("-", "").lower()
    name = _NAMES.get(squeezed, squeezed)
    if name == CRDS.resource:
        return CRDS.full_name
    return name if name in READERS else ""


def _is_text(name: str) -> bool:
    return name.removesuffix(".gz").removesuffix(".xz").endswith(_TEXTS)


def _stem(name: str) -> str:
    stem = name.removesuffix(".gz").removesuffix(".xz")
    for suffix in _TEXTS:
        stem = stem.removesuffix(suffix)
    return stem
