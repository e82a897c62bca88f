"""What one step of Kubernetes means for everything around it."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.record import Record


class ControlPlaneVersions(Struct, frozen=True, kw_only=True):
    """What runs now. Pairs are (node, version), the node empty where it is not told; triples begin with the component.

    ``unknown`` says in words what could not be told: an empty tuple of versions is then no proof of anything.
    """

    api_servers: tuple[tuple[str, str], ...]
    controllers: tuple[tuple[str, str, str], ...] = ()
    """kube-controller-manager, kube-scheduler and cloud-controller-manager."""
    kubelets: tuple[tuple[str, str], ...] = ()
    proxies: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()


class ApiRemoval(Struct, frozen=True, kw_only=True):
    """An API of Kubernetes that a minor no longer serves. ``removed_in`` such as ``1.25``."""

    group: str
    """Empty for the core group."""
    version: str
    removed_in: str
    kind: str = ""
    resource: str = ""
    replacement: str = ""
    """What to use in its place, such as ``policy/v1 PodDisruptionBudget``."""
    source: str = ""


class KubernetesRange(Struct, frozen=True, kw_only=True):
    """The minors of Kubernetes that a component's version supports; an empty end is open, both empty: not known."""

    component: str
    version: str
    lowest: str = ""
    highest: str = ""
    source: str = ""


class ChartNeed(Struct, frozen=True, kw_only=True):
    """What a Helm release's chart demands of the cluster: its ``kubeVersion``."""

    release: str
    """``namespace/name``."""
    chart: str
    """Name and version."""
    kube_version: str


class Upgraded(Record, frozen=True, kw_only=True):
    """Something that has to move before the API server does, and why."""

    component: str
    node: str
    version: str
    to: str
    why: str


class RemovedApi(Record, frozen=True, kw_only=True):
    """An API that a hop takes away. ``used``: yes | no | unknown."""

    api: str
    removed_in: str
    used: str
    kind: str = ""
    replacement: str = ""
    by: tuple[str, ...] = ()
    """What was seen to use it."""


class OutOfRange(Record, frozen=True, kw_only=True):
    """A component that does not support the minor reached. ``state``: too-old | too-new | unknown."""

    component: str
    version: str
    state: str
    text: str


class KubernetesHop(Record, frozen=True, kw_only=True):
    """One minor of Kubernetes: what comes first, in which order, and what it takes away."""

    from_version: str
    to_version: str
    first: tuple[Upgraded, ...] = ()
    """Before the API server: else the skew rules are broken while it runs."""
    order: tuple[str, ...] = ()
    kubectl: str = ""
    kubelets_may_wait: tuple[str, ...] = ()
    """Nodes whose kubelet may stay where it is over this hop."""
    removed: tuple[RemovedApi, ...] = ()
    out_of_range: tuple[OutOfRange, ...] = ()
    problems: tuple[str, ...] = ()
    """What breaks the skew rules already, and has to be mended by hand first."""
    unknown: tuple[str, ...] = ()


class CrdBlocker(Record, frozen=True, kw_only=True):
    """A CRD whose objects may still be stored in a version that goes away: ``blocks`` says whether the hop does so."""

    crd: str
    version: str
    storage_version: str
    blocks: bool
    text: str
    fix: str
    owner: str = ""


class DroppedVersion(Struct, frozen=True, kw_only=True):
    """A version of CRDs that a component's release no longer has. ``release`` is its minor, such as ``2.7``."""

    component: str
    release: str
    group: str
    """An API group; ``*.SUFFIX`` means every group that ends so."""
    version: str
    fix: str = ""
    source: str = ""
