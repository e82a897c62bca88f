"""Who else drains or reboots nodes here, and whether they are at it now.

Source: the documentation of kured, cluster-autoscaler, Karpenter, the machine-config operator, Cluster API, Talos,
system-upgrade-controller, node-maintenance-operator, flatcar-linux-update-operator, AWS node termination handler.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import Workload

KURED = "kured"
AUTOSCALER = "cluster-autoscaler"
KARPENTER = "Karpenter"
MACHINE_CONFIG = "machine-config operator"
CLUSTER_API = "Cluster API"
MACHINE_API = "machine-api"
TALOS = "Talos"
UPGRADE_CONTROLLER = "system-upgrade-controller"
NODE_MAINTENANCE = "node-maintenance-operator"
FLATCAR = "flatcar-linux-update-operator"
TERMINATION_HANDLER = "node termination handler"

OWNS_REBOOTS = frozenset({KURED, MACHINE_CONFIG, TALOS, FLATCAR})
"""Those that reboot nodes by themselves: plan with them, not against them."""


class Mark(Struct, frozen=True):
    """A sign of other maintenance software. ``acting``: it has work in hand on that node now."""

    drainer: str
    evidence: str
    object: ObjectRef
    acting: bool = False


_ACTING_TAINTS = {
    "ToBeDeletedByClusterAutoscaler": AUTOSCALER,
    "karpenter.sh/disrupted": KARPENTER,
    "karpenter.sh/disruption": KARPENTER,
    "medik8s.io/drain": NODE_MAINTENANCE,
    "kubevirt.io/drain": NODE_MAINTENANCE,
}
_WAITING_TAINTS = {"DeletionCandidateOfClusterAutoscaler": AUTOSCALER}
_TERMINATION_PREFIX = "aws-node-termination-handler/"

_PRESENT_ANNOTATIONS = {
    "machineconfiguration.openshift.io/currentConfig": MACHINE_CONFIG,
    "machine.openshift.io/machine": MACHINE_API,
    "cluster.x-k8s.io/machine": CLUSTER_API,
    "cluster.x-k8s.io/cluster-name": CLUSTER_API,
    "flatcar-linux-update.v1.flatcar-linux.net/reboot-needed": FLATCAR,
}
_ACTING_ANNOTATIONS = {
    "weave.works/kured-reboot-in-progress": KURED,
}
_TRUE_WHEN_ACTING = {
    "flatcar-linux-update.v1.flatcar-linux.net/reboot-in-progress": FLATCAR,
}
_PRESENT_LABELS = {
    "karpenter.sh/nodepool": KARPENTER,
    "karpenter.sh/provisioner-name": KARPENTER,
}
_KINDS = {
    "MachineConfigPool": MACHINE_CONFIG,
    "MachineConfig": MACHINE_CONFIG,
    "NodePool": KARPENTER,
    "NodeClaim": KARPENTER,
    "Provisioner": KARPENTER,
    "Plan": UPGRADE_CONTROLLER,
    "NodeMaintenance": NODE_MAINTENANCE,
}
_WORKLOADS = (
    ("kured", KURED),
    ("cluster-autoscaler", AUTOSCALER),
    ("karpenter", KARPENTER),
    ("machine-config-daemon", MACHINE_CONFIG),
    ("machine-config-controller", MACHINE_CONFIG),
    ("system-upgrade-controller", UPGRADE_CONTROLLER),
    ("node-maintenance-operator", NODE_MAINTENANCE),
    ("flatcar-linux-update-operator", FLATCAR),
    ("update-operator", FLATCAR),
    ("aws-node-termination-handler", TERMINATION_HANDLER),
)
KURED_LOCK = "weave.works/kured-node-lock"
"""Annotation of kured's DaemonSet that holds its lock while a node reboots."""

_MACHINE_CONFIG_STATE = "machineconfiguration.openshift.io/state"
_MACHINE_CONFIG_PAIRS = (
    ("machineconfiguration.openshift.io/desiredConfig", "machineconfiguration.openshift.io/currentConfig"),
    ("machineconfiguration.openshift.io/desiredDrain", "machineconfiguration.openshift.io/lastAppliedDrain"),
)


def node_marks(node: Node) -> tuple[Mark, ...]:
    """Signs of other maintenance software on a node, those that act now first, then by name and evidence."""
    marks = [*_taint_marks(node), *_annotation_marks(node), *_machine_config_marks(node)]
    for key, drainer in _PRESENT_LABELS.items():
        if key in node.labels:
            marks.append(Mark(drainer, f"label {key}={node.labels[key]}", node.ref))
    if node.info.os_image.startswith("Talos"):
        marks.append(Mark(TALOS, f"OS image {node.info.os_image}", node.ref))
    return tuple(sorted(marks, key=lambda mark: (not mark.acting, mark.drainer, mark.evidence)))


def acting_on(node: Node) -> tuple[Mark, ...]:
    """Marks of others that have work in hand on this node now."""
    return tuple(mark for mark in node_marks(node) if mark.acting)


def workload_marks(workloads: Iterable[Workload]) -> tuple[Mark, ...]:
    """Other maintenance software that runs in the cluster; kured counts as acting while its lock is held."""
    marks = []
    for workload in workloads:
        if workload.owner is not None or workload.kind not in ("Deployment", "DaemonSet", "StatefulSet"):
            continue
        drainer = _drainer_named(workload.name)
        if drainer is None:
            continue
        lock = workload.annotations.get(KURED_LOCK, "")
        evidence = f"{workload.ref} runs" + (" and holds its reboot lock" if lock else "")
        marks.append(Mark(drainer, evidence, workload.ref, acting=bool(lock)))
    return tuple(sorted(marks, key=lambda mark: (not mark.acting, mark.drainer, mark.evidence)))


def drainer_of_kind(kind: str) -> str:
    """Which software a kind of API object belongs to (``Inventory.drainers``); Cluster API for plain machines.

    The machine-api of OpenShift has machines of the same names: its mark on the nodes tells.
    """
    return _KINDS.get(kind, CLUSTER_API if kind.startswith("Machine") or kind == "Cluster" else kind)


def _drainer_named(name: str) -> str | None:
    for stem, drainer in _WORKLOADS:
        if name.endswith("-operator") and not stem.endswith("-operator"):
            continue
        if name == stem or name.startswith(f"{stem}-") or name.endswith(f"-{stem}"):
            return drainer
    return None


def _taint_marks(node: Node) -> list[Mark]:
    marks = []
    for taint in node.taints:
        evidence = f"taint {taint.key}"
        if taint.key in _ACTING_TAINTS:
            marks.append(Mark(_ACTING_TAINTS[taint.key], evidence, node.ref, acting=True))
        elif taint.key.startswith(_TERMINATION_PREFIX):
            marks.append(Mark(TERMINATION_HANDLER, evidence, node.ref, acting=True))
        elif taint.key in _WAITING_TAINTS:
            marks.append(Mark(_WAITING_TAINTS[taint.key], evidence, node.ref))
    return marks


def _annotation_marks(node: Node) -> list[Mark]:
    marks = []
    for key, drainer in _ACTING_ANNOTATIONS.items():
        if key in node.annotations:
            marks.append(Mark(drainer, f"annotation {key}", node.ref, acting=True))
    for key, drainer in _TRUE_WHEN_ACTING.items():
        if node.annotations.get(key) == "true":
            marks.append(Mark(drainer, f"annotation {key}", node.ref, acting=True))
    for key, drainer in _PRESENT_ANNOTATIONS.items():
        if key in node.annotations:
            marks.append(Mark(drainer, f"annotation {key}", node.ref))
    return marks


def _machine_config_marks(node: Node) -> list[Mark]:
    state = node.annotations.get(_MACHINE_CONFIG_STATE, "")
    marks = []
    if state and state != "Done":
        marks.append(Mark(MACHINE_CONFIG, f"{_MACHINE_CONFIG_STATE} is {state}", node.ref, acting=True))
    for wanted, applied in _MACHINE_CONFIG_PAIRS:
        one, other = node.annotations.get(wanted, ""), node.annotations.get(applied, "")
        if one and one != other:
            short = wanted.rsplit("/", 1)[-1]
            marks.append(Mark(MACHINE_CONFIG, f"{short} {one} is not applied yet", node.ref, acting=True))
    return marks
