"""Which nodes carry the control plane.

Source: kubeadm's labels, taints and static pods; the same for k3s, RKE2 and OpenShift, whose names differ.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod

ROLE_KEYS = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/controlplane",
)
"""Label and taint keys that mark a control-plane node."""

ETCD_ROLE = "node-role.kubernetes.io/etcd"

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")

_API_SERVER = ("kube-apiserver",)
_ETCD = ("etcd",)
_NAMESPACES = {
    "kube-system",
    "openshift-kube-apiserver",
    "openshift-kube-controller-manager",
    "openshift-kube-scheduler",
    "openshift-etcd",
}


def is_control_plane(node: Node, pods_on_node: Iterable[Pod] = ()) -> bool:
    """Whether a node is a control-plane node: by label, by taint, or by an API server or etcd mirror pod on it."""
    if any(key in node.labels for key in (*ROLE_KEYS, ETCD_ROLE)):
        return True
    if any(taint.key in ROLE_KEYS for taint in node.taints):
        return True
    return any(is_api_server(pod) or is_etcd(pod) for pod in pods_on_node)


def control_plane_names(inventory: Inventory) -> frozenset[str]:
    """Names of control-plane nodes, by label, taint, or mirror pods."""
    mirrors: dict[str, list[Pod]] = {}
    for row in np.flatnonzero(inventory.pods.columns["mirror"]).tolist() if len(inventory.pods) else []:
        pod = inventory.pods.row(row)
        mirrors.setdefault(pod.node, []).append(pod)
    return frozenset(node.name for node in inventory.nodes if is_control_plane(node, mirrors.get(node.name, ())))


def is_api_server(pod: Pod) -> bool:
    """Whether a pod is a static API server."""
    return _static_component(pod, _API_SERVER)


def is_etcd(pod: Pod) -> bool:
    """Whether a pod is a static etcd member."""
    return _static_component(pod, _ETCD)


def component_of(pod: Pod) -> str:
    """Which part of the control plane a static pod is; empty for none."""
    return next((name for name in COMPONENTS if _static_component(pod, (name,))), "")


def etcd_members(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """The static etcd members among the pods, by node name."""
    return tuple(sorted((pod for pod in pods if is_etcd(pod)), key=lambda pod: (pod.node, pod.name)))


def quorum(members: int) -> int:
    """How many of that many members must stay up."""
    return members // 2 + 1


def spare_members(members: int, ready: int) -> int:
    """How many more members may go down before quorum is lost; negative when it already is."""
    return ready - quorum(members)


def _static_component(pod: Pod, names: tuple[str, ...]) -> bool:
    if not pod.mirror or pod.namespace not in _NAMESPACES:
        return False
    component = pod.shape.labels.get("component")
    if component is not None:
        return component in names
    suffix = f"-{pod.node}" if pod.node else ""
    stem = pod.name.removesuffix(suffix) if suffix else pod.name
    return stem in names
